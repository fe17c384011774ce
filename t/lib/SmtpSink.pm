package SmtpSink;

# A mail server for tests: takes every message, or refuses in the way it is told to, and delivers nothing.
#
#   my $sink = SmtpSink->new(refuse => {'RCPT TO' => '450 not now'});   options: refuse (a reply for a verb),
#                                                                      port, silent => 1 (never answers)
#   $sink->url          "smtp://127.0.0.1:PORT", for the option smtp_url
#   $sink->messages     references to hashes: from, to (reference to an array), data (dots removed, LF line ends)

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

sub new {
    my ($class, %options) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $options{port} // 0, Listen => 16,
        ReuseAddr => 1) or die "listen: $!\n";
    my $record = File::Temp->new(TEMPLATE => 'smtp-XXXXXXXX', TMPDIR => 1);
    my $self = bless {refuse => {}, %options, port => $listener->sockport, record => $record, owner => $$}, $class;
    my $parent = $$;
    # A process group of its own, so that its connections end with it.
    $self->{pid} = fork() // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        POSIX::setpgid(0, 0);
        $SIG{$_} = 'IGNORE' for qw(PIPE CHLD);
        my $select = IO::Select->new($listener);
        while (getppid() == $parent) {
            next unless $select->can_read(0.5);
            my $connection = $listener->accept or next;
            next if fork();
            eval { $self->converse($connection) };
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    }
    POSIX::setpgid($self->{pid}, $self->{pid});
    close $listener;
    return $self;
}

sub url { return "smtp://127.0.0.1:$_[0]{port}" }

sub messages {
    my ($self) = @_;
    open(my $file, '<', $self->{record}->filename) or die "messages: $!\n";
    return map { decode_json($_) } <$file>;
}

sub stop {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill 'TERM', -$self->{pid};
    local $?;
    waitpid(delete $self->{pid}, 0);
}

sub DESTROY { $_[0]->stop }

sub converse {
    my ($self, $connection) = @_;
    local $SIG{ALRM} = sub { die "a client was silent for a minute\n" };
    alarm 60;
    sleep 60 if $self->{silent};
    my %mail = (to => []);
    print $connection "220 sink ready\r\n";
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        my $verb = $line =~ /^((?:MAIL FROM|RCPT TO)|\w+)/i ? uc $1 : '';
        if (my $reply = $self->{refuse}{$verb}) {
            print $connection "$reply\r\n";
            next;
        }
        $mail{from} = $1 if $line =~ /^MAIL FROM:\s*<([^>]*)>/i;
        push @{$mail{to}}, $1 if $line =~ /^RCPT TO:\s*<([^>]*)>/i;
        if ($verb eq 'DATA') {
            print $connection "354 go on\r\n";
            $mail{data} = read_data($connection) // return;
            $self->note(\%mail);
            %mail = (to => []);
        }
        print $connection $verb eq 'QUIT' ? "221 bye\r\n" : "250 ok\r\n";
        last if $verb eq 'QUIT';
    }
    alarm 0;
}

sub read_data {
    my ($connection) = @_;
    my $data = '';
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        return $data if $line eq '.';
        $line =~ s/^\.//;
        $data .= "$line\n";
    }
    return undef;
}

sub note {
    my ($self, $mail) = @_;
    open(my $file, '>>', $self->{record}->filename) or die "record: $!\n";
    syswrite($file, JSON::PP->new->ascii->encode($mail) . "\n");
    close $file;
}

1;
