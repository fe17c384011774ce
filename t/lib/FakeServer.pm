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
use parent 'ScriptedServer';
use Time::HiRes qw(sleep);

sub new {
    my ($class, %options) = @_;
    if (my $bed = delete $options{tls}) {
        require IO::Socket::SSL;
        $options{certificate} = {SSL_server => 1, SSL_cert_file => $bed->env('SERVER_CERTIFICATE'),
            SSL_key_file => $bed->env('SERVER_KEY')};
    }
    return $class->SUPER::new(%options);
}

sub url {
    my ($self) = @_;
    return ($self->{certificate} ? 'https' : 'http') . "://127.0.0.1:$self->{port}";
}

sub requests { return $_[0]->recorded }

# One connection, one request: the answer says `Connection: close`.
sub converse {
    my ($self, $connection) = @_;
    if ($self->{certificate}) {
        $connection = IO::Socket::SSL->start_SSL($connection, %{$self->{certificate}}) or return;
    }
    my $request = read_request($connection) or return;
    $self->record($request);
    send_answer($connection, $self->{handler}->($request));
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
