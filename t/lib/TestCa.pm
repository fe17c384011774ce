package TestCa;

# Certificate authorities made on the spot.
#
#   my $ca = TestCa->new;                                a directory that goes with the object
#   $ca->file                                            PEM of the authority
#   my ($certificate, $key) = $ca->issue('localhost', 'DNS:localhost,IP:127.0.0.1');

use strict;
use warnings;
use File::Temp;

sub new {
    my ($class) = @_;
    my $self = bless {dir => File::Temp->newdir('ca-XXXXXXXX', TMPDIR => 1), serial => 0}, $class;
    $self->openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj), '/CN=test authority', '-keyout',
        "$self->{dir}/ca.key", '-out', $self->file);
    return $self;
}

sub file { return "$_[0]{dir}/ca.pem" }

# ($name, $alternatives): a certificate for the names, valid for a day, and its key.
sub issue {
    my ($self, $name, $alternatives) = @_;
    my $base = "$self->{dir}/" . ++$self->{serial};
    open(my $extensions, '>', "$base.ext") or die "$base.ext: $!\n";
    print $extensions "subjectAltName=$alternatives\nbasicConstraints=CA:FALSE\n";
    close $extensions;
    $self->openssl(qw(req -newkey rsa:2048 -nodes -subj), "/CN=$name", '-keyout', "$base.key", '-out', "$base.csr");
    $self->openssl(qw(x509 -req -days 1 -CAcreateserial -in), "$base.csr", '-CA', $self->file, '-CAkey',
        "$self->{dir}/ca.key", '-extfile', "$base.ext", '-out', "$base.pem");
    return ("$base.pem", "$base.key");
}

sub openssl {
    my ($self, @arguments) = @_;
    my $log = "$self->{dir}/log";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        open(STDOUT, '>', $log) && open(STDERR, '>&', \*STDOUT) && exec('openssl', @arguments);
        die "openssl: $!\n";
    }
    waitpid($pid, 0);
    return unless $?;
    open(my $file, '<', $log) or die "$log: $!\n";
    die "openssl @arguments:\n", <$file>;
}

1;
