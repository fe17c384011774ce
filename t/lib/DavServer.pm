package DavServer;

# An Apache httpd with mod_dav of the test's own: HTTP on loopback, Basic authentication, one store.
#
#   my $dav = DavServer->new;
#   $dav->url, $dav->store (the directory behind it), $dav->user, $dav->password
#   $dav->log          the lines of the access log: "METHOD path status"
#   DavServer->new(extra => "LimitRequestBody 1000\n")    inside <Location />

use strict;
use warnings;
use File::Temp;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

sub new {
    my ($class, %options) = @_;
    my $self = bless {temp => File::Temp->newdir('dav-XXXXXXXX', TMPDIR => 1), owner => $$, %options}, $class;
    my $dir = "$self->{temp}";
    mkdir "$dir/$_" or die "$dir/$_: $!\n" for qw(store lock);
    chmod 0755, $dir;
    if ($> == 0) {
        my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
        chown $uid, $gid, "$dir/store", "$dir/lock";
        $self->{group} = getgrgid($gid);
    }
    my $hash = qx(openssl passwd -apr1 @{[$self->password]});
    put("$dir/users", $self->user . ":$hash");
    for (1 .. 5) {
        $self->start and return $self;
    }
    die "httpd does not start:\n", do { open(my $log, '<', "$dir/error.log"); <$log> };
}

sub user { return 'dav' }
sub password { return 'p4ssword' }
sub store { return "$_[0]{temp}/store" }
sub url { return "http://127.0.0.1:$_[0]{port}" }

sub log {
    my ($self) = @_;
    open(my $file, '<', "$self->{temp}/access.log") or return;
    chomp(my @lines = <$file>);
    return @lines;
}

sub start {
    my ($self) = @_;
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!\n";
    $self->{port} = $socket->sockport;
    close $socket;
    $self->configure;
    $self->{pid} = fork() // die "fork: $!\n";
    if (!$self->{pid}) {
        open(STDOUT, '>>', "$self->{temp}/error.log");
        open(STDERR, '>&', \*STDOUT);
        my ($httpd) = grep { -x } map { ("$_/apache2", "$_/httpd") } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
        { no warnings 'exec'; exec($httpd // 'apache2', '-d', "$self->{temp}", '-f', "$self->{temp}/conf", '-DFOREGROUND') }
        POSIX::_exit(127);
    }
    for (1 .. 200) {
        return 1 if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}", Timeout => 2);
        last if waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        sleep 0.05;
    }
    $self->stop;
    return 0;
}

sub configure {
    my ($self) = @_;
    my $dir = "$self->{temp}";
    my $apxs = $ENV{APXS} || 'apxs';
    chomp(my $modules = qx($apxs -q LIBEXECDIR));
    # What there is no file for is built in.
    my $load = join '', map { "LoadModule ${_}_module $modules/mod_$_.so\n" } grep { -e "$modules/mod_$_.so" }
        qw(mpm_event log_config authn_core authn_file authz_core authz_user auth_basic dav dav_fs);
    my $user = $> ? '' : "User nobody\nGroup $self->{group}\n";
    my $extra = $self->{extra} // '';
    put("$dir/conf", <<"END");
ServerName localhost
Listen 127.0.0.1:$self->{port}
PidFile $dir/pid
DefaultRuntimeDir $dir
ErrorLog $dir/error.log
LogFormat "%m %U %>s" short
${load}${user}StartServers 1
KeepAlive On
MaxKeepAliveRequests 20
DocumentRoot $dir/store
DavLockDB $dir/lock/db
CustomLog $dir/access.log short
<Location />
    Dav On
    AuthType Basic
    AuthName store
    AuthUserFile $dir/users
    Require valid-user
    $extra
</Location>
END
}

sub put {
    my ($file, $text) = @_;
    open(my $handle, '>', $file) or die "$file: $!\n";
    print $handle $text;
    close $handle or die "$file: $!\n";
}

sub stop {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill 'TERM', $self->{pid};
    local $?;
    waitpid(delete $self->{pid}, 0);
}

sub DESTROY { $_[0]->stop }

1;
