# The testbed keeps its promises: it comes up, its env can be sourced, down ends everything and may be repeated, and
# nothing is left running when `up` is killed, whenever that is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Cwd qw(abs_path);
use File::Temp;
use Test::More;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $testbed = abs_path("$FindBin::RealBin/../testbed");
my $temp = File::Temp->newdir('testbed-XXXXXXXX', TMPDIR => 1);
chmod 0755, "$temp";
my $top = abs_path("$temp");

subtest 'up and down' => sub {
    my $dir = "$top/bed";
    is(system($testbed, 'up', $dir), 0, 'comes up');
    my @names = qw(PROVIDER_URL CONSUMER_URL CLIENT_KEY CA_FILE DB_SOCKET PROVIDER_DB CONSUMER_DB PROVIDER_CONF
        CONSUMER_CONF PROVIDER_STORE CONSUMER_STORE REGISTER_USER REGISTER_PASSWORD SITE_SETTINGS_URL
        PROVIDER_HTTPD_CONF CONSUMER_HTTPD_CONF PATH);
    open(my $shell, '-|', 'sh', '-c', '. "$1/env"; shift; for name; do eval "printf \'%s=%s\n\' $name \"\${$name}\""; done',
        'sh', $dir, @names) or die "sh: $!\n";
    my %value = map { chomp; split /=/, $_, 2 } <$shell>;
    close $shell;
    is(scalar(grep { length($value{$_} // '') } @names), scalar(@names), 'env has every variable');
    like($value{PATH}, qr/^\Q$ENV{TARDIS_BUILD_DIR}\E\/tardis-provider:/, 'PATH has the built tools first')
        if $ENV{TARDIS_BUILD_DIR};
    ok(-S $value{DB_SOCKET}, 'the database listens');
    is(scalar(grep { (stat)[2] & 0077 } glob("$dir/conf/{{provider,consumer,admin}.cnf,*.key,*-settings.xml,sites.xml,*.htpasswd}")), 0,
        'secrets are for their owner only');
    isnt(system("'$testbed' up '$dir' 2>/dev/null"), 0, 'a second up in the same place is refused');
    is_deeply([alive($dir)], [qw(provider consumer database)], 'and has not touched the first');
    is(system($testbed, 'down', $dir), 0, 'goes down');
    is_deeply([alive($dir)], [], 'nothing is left');
    is(system($testbed, 'down', $dir), 0, 'down again is no error');
    is(system($testbed, 'down', "$top/never"), 0, 'nor where nothing ever was');
    isnt(system("'$testbed' up '$top/a b' 2>/dev/null"), 0, 'a name that configuration files would trip over is refused');
};

for my $signal (qw(TERM KILL)) {
    subtest "killed by SIG$signal" => sub {
        for my $delay (0.1, 0.4, 0.7, 1) {
            my $dir = "$top/$signal-$delay";
            my $pid = fork() // die "fork: $!\n";
            if (!$pid) {
                open(STDOUT, '>', '/dev/null');
                open(STDERR, '>', '/dev/null');
                exec $testbed, 'up', $dir;
            }
            sleep $delay;
            my $killed = kill $signal, $pid;
            waitpid($pid, 0);
            if ($? == 0) {
                system($testbed, 'down', $dir);
            }
            ok(Testbed::Servers::wait_until(20, sub { !processes($dir) }), "after $delay seconds");
        }
    };
}

done_testing;

sub alive {
    my ($dir) = @_;
    return grep { Testbed::Servers::running($dir, $_) } qw(provider consumer database);
}

# The processes whose command line names the directory.
sub processes {
    my ($dir) = @_;
    return grep { index($_, "$dir/") >= 0 } map { command_line($_) } glob('/proc/[0-9]*/cmdline');
}

sub command_line {
    my ($name) = @_;
    open(my $file, '<', $name) or return '';
    local $/;
    return <$file> // '';
}
