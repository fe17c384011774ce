# Every sample in conf/ can be put to use: the programs read them, httpd takes them, systemd and cron would.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Cwd qw(abs_path);
use File::Path qw(make_path);
use Test::More;
use Testbed;

my $source = abs_path("$FindBin::RealBin/../..");
my $bed = Testbed->new;
my $etc = $bed->dir . '/etc';
install_samples();

for my $side (qw(provider consumer)) {
    subtest "$side.conf" => sub {
        my ($status, $out, $err) = $bed->run("tardis-$side", '--config', "$etc/$side.conf", 'config', 'show');
        is($status, 0, 'is read') or diag($err);
        like($out, qr/^\s*mysql_option_file\s*=\s*"\Q$etc\E\/mysql\.cnf"/m, 'and shown');
        my $printed = "$etc/$side-printed.conf";
        $bed->rewrite($printed, $out);
        my (undef, $again) = $bed->run("tardis-$side", '--config', $printed, 'config', 'show');
        is($again, $out, 'what is shown can be read again');
    };
    subtest "httpd-$side.conf" => sub {
        my $conf = $bed->slurp($bed->env(uc($side) . '_HTTPD_CONF'));
        $conf =~ s/^LoadModule tardis_.*\n|^LogLevel tardis.*\n|^(?:Tardis|Alias|DavLockDB).*\n//mg;
        $conf =~ s/^<Location(?:Match)? .*?^<\/Location(?:Match)?>\n//msg;
        $bed->rewrite("$etc/httpd.conf", "${conf}Include $etc/httpd-$side.conf\n");
        my ($status, $out, $err) = configtest("$etc/httpd.conf");
        is($status, 0, 'passes configtest') or diag($err);
        like($err, qr/Syntax OK/, 'which says so');
        my $broken = $bed->slurp("$etc/httpd-$side.conf") =~ s/^(Tardis\w+Database) .*/$1 $etc\/absent.cnf/mr;
        $bed->rewrite("$etc/httpd-$side.conf", $broken);
        ($status, $out, $err) = configtest("$etc/httpd.conf");
        isnt($status, 0, 'and would not with an option file that is not there');
        like($err, qr/httpd-$side\.conf.*absent\.cnf|absent\.cnf.*httpd-$side\.conf/s, 'which is named with its place');
    };
}

subtest 'XML' => sub {
    for my $name (qw(sites.xml site-settings.xml)) {
        my ($status, undef, $err) = $bed->run('xmllint', '--noout', "$source/conf/$name");
        is($status, 0, "$name is well-formed") or diag($err);
    }
};

subtest 'crontab' => sub {
    my @lines = grep { !/^#/ } split /\n/, $bed->slurp("$source/conf/crontab");
    ok(@lines, 'has lines');
    like($_, qr{^(?:\S+\s+){5}www-data\s+tardis-(?:provider send|consumer tick) --quiet$}, $_) for @lines;
};

subtest 'systemd units' => sub {
    plan skip_all => 'systemd-analyze is not there' if !grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};
    my @units = glob("$source/conf/*.{service,timer}");
    is(@units, 4, 'four units');
    my $dir = $bed->dir . '/units';
    make_path($dir);
    for my $unit (@units) {
        my ($name) = $unit =~ m{([^/]+)$};
        my $text = $bed->slurp($unit) =~ s{^ExecStart=\S+}{ExecStart=/bin/true}mr =~ s{^Documentation=.*\n}{}mr;
        $bed->rewrite("$dir/$name", $text);
    }
    my ($status, $out, $err) = $bed->run('systemd-analyze', 'verify', map { s{.*/}{$dir/}r } @units);
    unlike("$out$err", qr{\Q$dir\E|Unknown|Invalid}, 'have nothing that systemd does not know');
};

done_testing;

# As the README says, with a directory of this test for /etc/tardis and the like.
sub install_samples {
    make_path($etc, "$etc/store");
    for my $sample (grep { -f } glob("$source/conf/*")) {
        my ($name) = $sample =~ m{([^/]+)$};
        my $build = $bed->env('TARDIS_BUILD_DIR');
        my $text = $bed->slurp($sample);
        $text =~ s{/usr/lib/apache2/modules/(mod_tardis_\w+)\.so}{$build/$1/.libs/$1.so}g;
        $text =~ s{/srv/tardis/store}{$etc/store}g;
        $text =~ s{/usr/share/tardis/mail}{$source/conf/mail}g;
        $text =~ s{/etc/tardis}{$etc}g;
        $text =~ s{/var/lib/tardis}{$etc}g;
        Testbed::Files::put("$etc/$name", 0640, $text);
    }
    Testbed::Files::put("$etc/provider.example.key", 0640, "a-key\n");
    Testbed::Files::put("$etc/$_.htpasswd", 0640, "provider.example:" . Testbed::Files::apr1('x') . "\n")
        for qw(register staff store);
}

sub configtest {
    my ($file) = @_;
    my %environment = map { split /=/, $_, 2 } Testbed::Servers::read_lines($bed->env('HTTPD_ENVIRONMENT'));
    return $bed->run({env => \%environment}, $bed->env('HTTPD'), '-d', $bed->dir, '-f', $file, '-t');
}
