# Every mistake in the consumer's directives is found before a request, and named with file and line.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $conf = "$bed->{dir}/conf";
my $store = $bed->env('CONSUMER_STORE');

# The testbed's directives of the module replaced by these lines, and further ones in the TLS virtual host.
sub with {
    my ($lines, $vhost) = @_;
    return configtest($bed, 'consumer', sub {
        my ($text) = @_;
        $text =~ s/^TardisConsumer.*\n//mg;
        $text =~ s/^(?=<LocationMatch)/$lines\n/m;
        $text =~ s/^(?=    SSLEngine)/$vhost\n/m if defined $vhost;
        return $text;
    });
}

sub file_with {
    my ($name, $mode, $text) = @_;
    Testbed::Files::put("$conf/$name", $mode, $text);
    return "$conf/$name";
}

sub accepted {
    my ($name, @lines) = @_;
    my ($status, $output) = with(@lines);
    is($status, 0, "$name is accepted") or diag($output);
    unlike($output, qr/tardis_consumer:/, "$name: nothing is logged");
}

my $here = qr/configtest\.conf:\d+: /;
sub refused {
    my ($name, $lines, @problems) = @_;
    my ($status, $output) = with(ref $lines ? @$lines : $lines);
    isnt($status, 0, "$name is refused");
    like($output, qr/$here$_/, $name) for @problems;
    my $count = () = $output =~ /\[tardis_consumer:error\]/g;
    is($count, scalar @problems, "$name: no other complaint") or diag($output);
}

my %needed = (Database => "$conf/consumer.cnf", Store => $store, RegisterUsers => "$conf/register.htpasswd");
my $more = "TardisConsumerStaffUsers $conf/staff.htpasswd\nTardisConsumerSiteSettings $conf/site-settings.xml";

# What is needed, with some of it replaced, and further lines.
sub needed {
    my ($replaced, @further) = @_;
    my %now = (%needed, %$replaced);
    return join("\n", (map { "TardisConsumer$_ $now{$_}" } grep { defined $now{$_} } sort keys %now),
        @further);
}

accepted('nothing at all', '');
accepted('what is needed', needed({}));
accepted('everything', needed({}, $more, 'TardisConsumerDatabaseConnections 1000',
    'TardisConsumerDocumentLimit 1',
        'TardisConsumerAllowEmpty On', 'TardisConsumerAllowInsecure Off',
        'TardisConsumerBaseURL https://data.uni.example/x/'));
accepted('halves that a virtual host makes whole', needed({Store => undef}), "TardisConsumerStore $store/");

for my $case (
    ['TardisConsumerDatabaseConnections 0', 'must be a number from 1 to 1000, not "0"'],
    ['TardisConsumerDocumentLimit 0', 'must be a number from 1 to 1125899906842624, not "0"'],
    ['TardisConsumerDocumentLimit 1G', 'must be a number from 1 to 1125899906842624, not "1G"'],
    ['TardisConsumerDocumentLimit -5', 'must be a number from 1 to 1125899906842624, not "-5"'],
    ['TardisConsumerAllowEmpty yes', 'must be On or Off'],
    ['TardisConsumerAllowInsecure 1', 'must be On or Off'],
    ['TardisConsumerBaseURL data.uni.example', 'must be an http(s) URL: '],
    ['TardisConsumerBaseURL ftp://data.uni.example', 'must be an http(s) URL: '],
    ['TardisConsumerStore a b', 'takes one argument'],
    ['TardisConsumerRegisterUsers', 'takes one argument'],
    )
{
    my ($line, $problem) = @$case;
    my ($status, $output) = with(needed({}, $line));
    isnt($status, 0, "$line is refused");
    like($output, qr/on line \d+ of \S+configtest\.conf:\s.*\Q$problem\E/s, "$line: why");
}

for my $name (sort keys %needed) {
    my ($other) = grep { $_ ne $name } qw(Database Store);
    refused("no TardisConsumer$name", ['', needed({$name => undef})],
        qr/TardisConsumer$other: this server also needs TardisConsumer$name \[config_invalid\]/);
}
my $missing = qr/No such file or directory \[\w+\]/;
refused("a missing option file", needed({Database => "$conf/none"}),
    qr/TardisConsumerDatabase: \Q$conf\E\/none: $missing/);
my $open = file_with('open.cnf', 0644, $bed->slurp("$conf/consumer.cnf"));
refused('an option file that everybody may read', needed({Database => $open}),
    qr/TardisConsumerDatabase: \Q$open\E: everybody can read this file of secrets; chmod o-r \[config_invalid\]/);
refused('a missing store', needed({Store => "$conf/none"}),
    qr/TardisConsumerStore: \Q$conf\E\/none: $missing/);
refused('a file as store', needed({Store => $open}),
    qr/TardisConsumerStore: \Q$open\E: not a directory \[config_invalid\]/);
refused('missing users', needed({RegisterUsers => "$conf/none"}),
    qr/TardisConsumerRegisterUsers: \Q$conf\E\/none: $missing/);
my $empty = file_with('empty.htpasswd', 0600, "# nobody\n");
refused('no users', needed({RegisterUsers => $empty}),
    qr/TardisConsumerRegisterUsers: \Q$empty\E: there is no user in it \[config_invalid\]/);
my $broken = file_with('broken.htpasswd', 0600, "a:b\nnonsense\n");
refused('a broken file of users', needed({}, "TardisConsumerStaffUsers $broken"),
    qr/TardisConsumerStaffUsers: line 2: \Q$broken\E: a line must be user:hash \[config_invalid\]/);
refused('settings that nobody may read', needed({}, "TardisConsumerSiteSettings $conf/site-settings.xml"),
    qr/TardisConsumerSiteSettings: nobody may read it without TardisConsumerStaffUsers \[config_invalid\]/);
my $staff = "TardisConsumerStaffUsers $conf/staff.htpasswd";
refused('missing settings', needed({}, $staff, "TardisConsumerSiteSettings $conf/none"),
    qr/TardisConsumerSiteSettings: \Q$conf\E\/none: $missing/);
my $settings = file_with('settings.xml', 0600, "<site-settings>\n<register>\n</site-settings>\n");
refused('settings that are not XML', needed({}, $staff, "TardisConsumerSiteSettings $settings"),
    qr/TardisConsumerSiteSettings: line 3: .*\[site_settings_invalid\]/);
refused('several mistakes, all of them', [needed({Store => "$conf/none"}),
    "TardisConsumerStaffUsers $broken\nTardisConsumerDatabase $open"],
    qr/TardisConsumerStore: /, qr/TardisConsumerStaffUsers: /, qr/TardisConsumerDatabase: /);

my $public = file_with('public.xml', 0644, $bed->slurp("$conf/site-settings.xml"));
my ($status, $output) = with(needed({}, $staff, "TardisConsumerSiteSettings $public"));
is($status, 0, 'settings that everybody may read are accepted');
like($output, qr/:warn\].*${here}TardisConsumerSiteSettings: \Q$public\E: everybody can read the passwords in it/, 'with a warning');

# Merges: a virtual host has what the main server has, but for what it sets itself.
my $document = mets('alpha', ['a.txt', 'hello']);
my $text = $bed->slurp($bed->env('CONSUMER_HTTPD_CONF'));
$bed->rewrite($bed->env('CONSUMER_HTTPD_CONF'),
    $text =~ s/^(?=    SSLEngine)/    TardisConsumerStore $conf\n/mr
    =~ s/^(?=TardisConsumerStore)/TardisConsumerDocumentLimit 100\n/mr);
$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);
answers($bed, 'consumer', 'the main server\'s limit holds in the virtual host', $bed->register($document),
    413, qr/xmldata is larger than 100 bytes/,
    qr/xmldata is larger than 100 bytes \[document_too_large\]; answered 413$/);
$bed->rewrite($bed->env('CONSUMER_HTTPD_CONF'),
    $text =~ s/^(?=    SSLEngine)/    TardisConsumerStore $conf\n/mr);
$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);
answers($bed, 'consumer', 'the virtual host\'s store counts', $bed->register($document), 200, "$conf/1");
done_testing;
