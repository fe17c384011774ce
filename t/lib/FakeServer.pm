package FakeServer;

# A scripted HTTP(S) server in a process of its own, for the answers that a real server would never give.
#
#   my $fake = FakeServer->new(handler => sub { my ($request) = @_; return {status => 200, body => 'OK'} });
#   $fake->url                    "http://127.0.0.1:PORT"
#   $fake->requests               what was asked: references to hashes method, path (with its query), headers (names
#                                 in lower case; a repeated one joined by ", "), body
#   FakeServer->new(..., tls => $bed)   https with the testbed's certificate
#
# The handler runs in the server's process, for one request after the other, so it may keep state in its own
# variables. It returns: status, headers (reference to a hash), body; or instead of them
#   raw => bytes          sent as they are, instead of a well-formed answer
#   delay => seconds      before anything is sent
#   stream => bytes       a body of that many bytes (with a Content-Length), after `body`
#   pause => seconds      after the head, before the body
#   cut => n              close after n bytes of the body
#   close => 1            close without an answer
# With `parallel => 1` each connection has a process of its own (and no shared variables).

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep);

sub new {
    my ($class, %options) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $options{port} // 0, Listen => 64,
        ReuseAddr => 1) or die "listen: $!\n";
    my $record = File::Temp->new(TEMPLATE => 'fake-XXXXXXXX', TMPDIR => 1);
    my $self = bless {%options, port => $listener->sockport, record => $record, owner => $$}, $class;
    if ($options{tls}) {
        require IO::Socket::SSL;
        $self->{tls} = {SSL_server => 1, SSL_cert_file => $options{tls}->env('SERVER_CERTIFICATE'),
            SSL_key_file => $options{tls}->env('SERVER_KEY')};
    }
    my $parent = $$;
    # A process group of its own, so that its connections end with it.
    $self->{pid} = fork() // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        POSIX::setpgid(0, 0);
        eval { $self->serve($listener, $parent) };
        print STDERR "fake server: $@" if $@;
        POSIX::_exit(0);
    }
    POSIX::setpgid($self->{pid}, $self->{pid});
    close $listener;
    return $self;
}

sub url {
    my ($self) = @_;
    return ($self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}";
}

sub port { return $_[0]{port} }

sub requests {
    my ($self) = @_;
    open(my $file, '<', $self->{record}->filename) or die "requests: $!\n";
    return map { decode_json($_) } <$file>;
}

# Ends it; the port is free afterwards.
sub stop {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill 'TERM', -$self->{pid};
    local $?;
    waitpid(delete $self->{pid}, 0);
}

sub DESTROY { $_[0]->stop }

sub serve {
    my ($self, $listener, $parent) = @_;
    $SIG{PIPE} = 'IGNORE';
    $SIG{CHLD} = 'IGNORE' if $self->{parallel};
    my $select = IO::Select->new($listener);
    while (getppid() == $parent) {
        next unless $select->can_read(0.5);
        my $connection = $listener->accept or next;
        if ($self->{parallel} && fork()) {
            close $connection;
            next;
        }
        eval { $self->converse($connection) };
        POSIX::_exit(0) if $self->{parallel};
    }
}

# One connection, one request: the answer says `Connection: close`.
sub converse {
    my ($self, $connection) = @_;
    alarm 60;
    local $SIG{ALRM} = sub { die "a client was silent for a minute\n" };
    if ($self->{tls}) {
        $connection = IO::Socket::SSL->start_SSL($connection, %{$self->{tls}}) or return;
    }
    my $request = read_request($connection) or return;
    alarm 0;
    $self->note($request);
    my $answer = $self->{handler}->($request);
    send_answer($connection, $answer);
    close $connection;
}

sub read_request {
    my ($connection) = @_;
    my $head = '';
    sysread($connection, $head, 65536, length $head) or return until $head =~ /\r\n\r\n/;
    ($head, my $body) = split /\r\n\r\n/, $head, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my ($method, $path) = split / /, $line;
    my %headers;
    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/ or next;
        $headers{lc $name} = defined $headers{lc $name} ? "$headers{lc $name}, $value" : $value;
    }
    print $connection "HTTP/1.1 100 Continue\r\n\r\n" if lc($headers{expect} // '') eq '100-continue';
    if (lc($headers{'transfer-encoding'} // '') eq 'chunked') {
        sysread($connection, $body, 65536, length $body) or return until $body =~ /(?:^|\r\n)0\r\n\r\n\z/;
        $body = unchunk($body);
    }
    else {
        my $length = $headers{'content-length'} // 0;
        sysread($connection, $body, 65536, length $body) or return while length($body) < $length;
    }
    return {method => $method, path => $path, headers => \%headers, body => $body};
}

sub unchunk {
    my ($text) = @_;
    my $body = '';
    while ($text =~ s/^([0-9A-Fa-f]+)[^\r]*\r\n//) {
        my $length = hex $1 or last;
        $body .= substr($text, 0, $length, '');
        $text =~ s/^\r\n//;
    }
    return $body;
}

sub note {
    my ($self, $request) = @_;
    open(my $file, '>>', $self->{record}->filename) or die "record: $!\n";
    syswrite($file, JSON::PP->new->ascii->encode($request) . "\n");
    close $file;
}

sub send_answer {
    my ($connection, $answer) = @_;
    sleep $answer->{delay} if $answer->{delay};
    return if $answer->{close};
    if (defined $answer->{raw}) {
        print $connection $answer->{raw};
        return;
    }
    my $body = $answer->{body} // '';
    my $length = length($body) + ($answer->{stream} // 0);
    my %headers = ('Content-Type' => 'text/plain', 'Content-Length' => $length, Connection => 'close',
        %{$answer->{headers} // {}});
    my $status = $answer->{status} // 200;
    print $connection join("\r\n", "HTTP/1.1 $status Scripted", map({ "$_: $headers{$_}" } sort keys %headers), '', '');
    sleep $answer->{pause} if $answer->{pause};
    print $connection defined $answer->{cut} ? substr($body, 0, $answer->{cut}) : $body;
    my $left = defined $answer->{cut} ? 0 : $answer->{stream} // 0;
    my $block = 'x' x 65536;
    while ($left > 0) {
        my $sent = print $connection ($left < 65536 ? substr($block, 0, $left) : $block);
        last unless $sent;
        $left -= 65536;
    }
}

1;
