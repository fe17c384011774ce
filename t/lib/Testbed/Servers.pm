package Testbed::Servers;

# The processes of a testbed: started in sessions of their own, remembered in DIR/run/<name>.pid together with
# their start time, so that a reused process id is never mistaken for ours, and ended by process id.

use strict;
use warnings;
use Errno qw(EINTR);
use Fcntl qw(SEEK_SET);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h setsid);
use Time::HiRes qw(sleep time);

our @NAMES = qw(provider consumer database);

# ($dir): ends everything that the testbed in $dir started. Nothing to end is not an error.
sub stop_all {
    my ($dir) = @_;
    stop($dir, $_) for @NAMES;
}

# ($dir): the same at once, for what is thrown away.
sub kill_all {
    my ($dir) = @_;
    kill_hard($dir, $_) for @NAMES;
}

# ($dir, $name): asks the process to end, and makes it after 20 seconds. Returns whether it was running.
sub stop {
    my ($dir, $name) = @_;
    my $pid = running($dir, $name);
    if ($pid) {
        kill 'TERM', $pid;
        wait_until(20, sub { !running($dir, $name) }) or kill 'KILL', -$pid;
        wait_until(5, sub { !running($dir, $name) });
    }
    unlink pid_file($dir, $name);
    return $pid ? 1 : 0;
}

# ($dir, $name): the same without a chance to finish anything.
sub kill_hard {
    my ($dir, $name) = @_;
    my $pid = running($dir, $name) or return 0;
    kill 'KILL', -$pid;
    wait_until(10, sub { !running($dir, $name) });
    unlink pid_file($dir, $name);
    return 1;
}

# ($dir, $name): the process id of what runs; 0 if it does not.
sub running {
    my ($dir, $name) = @_;
    open(my $file, '<', pid_file($dir, $name)) or return 0;
    my ($pid, $started) = split ' ', (<$file> // '');
    close $file;
    return 0 unless $pid;
    waitpid($pid, WNOHANG);
    return (process_start($pid) // '') eq ($started // '?') ? $pid : 0;
}

# ($dir): starts the testbed's MariaDB and waits until it takes connections. Dies with its log's end.
sub start_database {
    my ($dir) = @_;
    my $command = [read_lines("$dir/conf/mariadbd.command")];
    my $socket = "$dir/run/mysql.sock";
    unlink $socket;
    spawn($dir, 'database', $command, {});
    my $ready = sub { -S $socket && IO::Socket::UNIX->new(Peer => $socket) };
    wait_ready($dir, 'database', $ready, 60);
}

# ($dir, $side, %how): starts the httpd of $side and waits until its ports answer. How: `wrapper` (array of words
# put before the command, such as valgrind's) and `single` (httpd -X: one process, for debuggers).
sub start_httpd {
    my ($dir, $side, %how) = @_;
    my %environment = map { split /=/, $_, 2 } read_lines("$dir/conf/httpd.environment");
    my @command = (read_lines("$dir/conf/$side-httpd.command"), $how{single} ? '-X' : '-DFOREGROUND');
    my @ports = read_lines("$dir/conf/$side.ports");
    unlink "$dir/run/$side-httpd.pid";
    spawn($dir, $side, [@{$how{wrapper} // []}, @command], \%environment);
    my $ready = sub { !grep { !IO::Socket::INET->new(PeerAddr => "127.0.0.1:$_", Timeout => 2) } @ports };
    wait_ready($dir, $side, $ready, $how{wrapper} ? 120 : 30);
}

# ($dir): a second process that ends the servers of $dir when this one dies, however it dies. Returns a function
# that dismisses it.
sub guard {
    my ($dir) = @_;
    pipe(my $from, my $to) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        setsid();
        close $to;
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        my $dismissed = sysread($from, my $byte, 1);
        for (1 .. 2) {
            last if $dismissed;
            kill_all($dir);
            sleep 1;
        }
        POSIX::_exit(0);
    }
    close $from;
    return sub { syswrite($to, '.'); waitpid($pid, 0) };
}

sub spawn {
    my ($dir, $name, $command, $environment) = @_;
    die "$name is already running in $dir\n" if running($dir, $name);
    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;
    setsid();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD);
    @ENV{keys %$environment} = values %$environment;
    chdir '/';
    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>>', "$dir/log/$name-error.log") or POSIX::_exit(126);
    open(STDERR, '>&', \*STDOUT);
    write_line(pid_file($dir, $name), "$$ " . process_start($$));
    { no warnings 'exec'; exec { $command->[0] } @$command; }
    print STDERR "cannot run $command->[0]: $!\n";
    POSIX::_exit(127);
}

sub wait_ready {
    my ($dir, $name, $ready, $seconds) = @_;
    my $seen = wait_until(5, sub { -s pid_file($dir, $name) });
    my $gone = 0;
    return if $seen && wait_until($seconds, sub { $ready->() || ($gone = !running($dir, $name)) }) && !$gone;
    stop($dir, $name);
    die "$name " . ($gone ? 'ended at once' : 'did not become ready') . ":\n" . log_end($dir, $name);
}

sub log_end {
    my ($dir, $name) = @_;
    my @lines = read_lines("$dir/log/$name-error.log");
    splice(@lines, 0, @lines - 15) if @lines > 15;
    return join('', map { "    $_\n" } @lines);
}

# ($seconds, $condition): polls until it is true; returns whether it became true.
sub wait_until {
    my ($seconds, $condition) = @_;
    my $end = time + $seconds;
    while (!$condition->()) {
        return 0 if time > $end;
        sleep 0.02;
    }
    return 1;
}

# The start time of a process in clock ticks since boot; undef if there is none, or only its zombie.
sub process_start {
    my ($pid) = @_;
    open(my $file, '<', "/proc/$pid/stat") or return undef;
    my $line = <$file> // '';
    close $file;
    $line =~ s/^.*\)\s+//s;
    my @fields = split ' ', $line;
    return @fields && $fields[0] !~ /^[ZX]/ ? $fields[19] : undef;
}

sub pid_file { return "$_[0]/run/$_[1].pid" }

sub read_lines {
    my ($name) = @_;
    open(my $file, '<', $name) or return ();
    chomp(my @lines = <$file>);
    return @lines;
}

sub write_line {
    my ($name, $line) = @_;
    open(my $file, '>', $name) or die "$name: $!\n";
    print $file "$line\n";
    close $file or die "$name: $!\n";
}

1;
