package BusyProvider;

# A provider for thousands of experiments, in one process that serves many kept connections at a time, and remembers
# who asked for what.
#
#   my $provider = BusyProvider->new(polls => 5, delay => 0.02, hold => 8);
#   $provider->url('batch')       answers many uids in a request, as this project's own; any other name: as an original
#   $provider->asked              in the order of the answers, references to hashes: what ("get" or "status"), uid,
#                                 key (who asked), count (how often this was asked of the uid), from, till (when it
#                                 came, when it was answered)
#
# A transfer is under way until its status was asked for `polls` times at most (the uid tells how often), then it is
# complete. `delay`: each answer takes up to so many seconds; `hold`: none is given before so many requests wait, or no
# other has come for three seconds, which $provider->lonely counts.

use strict;
use warnings;
use parent 'ScriptedServer';
use IO::Handle;
use IO::Select;
use Time::HiRes qw(time);

sub new {
    my ($class, %options) = @_;
    return $class->SUPER::new(polls => 1, delay => 0, hold => 1, %options);
}

sub url { return "http://127.0.0.1:$_[0]{port}/" . ($_[1] // 'plain') }

sub asked {
    my ($self) = @_;
    my @asked;
    for (grep { !/^lonely/ } $self->lines) {
        my %one;
        @one{qw(what uid key count from till)} = split;
        push @asked, \%one;
    }
    return @asked;
}

sub lonely {
    my ($self) = @_;
    return scalar grep { /^lonely/ } $self->lines;
}

sub lines {
    my ($self) = @_;
    open(my $file, '<', $self->{file}->filename) or die "record: $!\n";
    return grep { /\n\z/ } <$file>;
}

sub serve {
    my ($self, $listener, $parent) = @_;
    open($self->{out}, '>>', $self->{file}->filename) or die "record: $!\n";
    $self->{select} = IO::Select->new($listener);
    @$self{qw(input waiting)} = ({}, []);
    while (getppid() == $parent) {
        for my $ready ($self->{select}->can_read($self->pause)) {
            if ($ready != $listener) {
                $self->read_from($ready);
            }
            elsif (my $connection = $listener->accept) {
                $connection->autoflush(1);
                $self->{select}->add($connection);
                $self->{input}{$connection} = '';
            }
        }
        $self->answer_due;
    }
}

# How long nothing has to be done.
sub pause {
    my ($self) = @_;
    my $until = time + 0.5;
    for (@{$self->{waiting}}) {
        $until = $_->{due} if $_->{due} < $until;
    }
    my $pause = $until - time;
    return $pause > 0 ? $pause : 0;
}

sub read_from {
    my ($self, $connection) = @_;
    my $input = \$self->{input}{$connection};
    if (!sysread($connection, $$input, 1 << 20, length $$input)) {
        $self->{select}->remove($connection);
        delete $self->{input}{$connection};
        close $connection;
        return;
    }
    while ($$input =~ /\r\n\r\n/) {
        my $head = substr($$input, 0, $+[0]);
        my ($length) = $head =~ /^Content-Length:\s*(\d+)/mi;
        my $whole = length($head) + ($length // 0);
        return if length($$input) < $whole;
        my $body = substr(substr($$input, 0, $whole, ''), length $head);
        my $due = time + rand() * $self->{delay};
        push @{$self->{waiting}}, {connection => $connection, head => $head, body => $body, from => time, due => $due};
        $self->{latest} = time;
    }
}

sub answer_due {
    my ($self) = @_;
    my $waiting = $self->{waiting};
    my $now = time;
    if (@$waiting && @$waiting < $self->{hold}) {
        return if $now < $self->{latest} + 1;
        $self->{out}->print("lonely\n");
    }
    my @due = grep { $_->{due} <= $now } @$waiting;
    @$waiting = grep { $_->{due} > $now } @$waiting;
    for my $request (@due) {
        my $text = $self->answer($request);
        my $length = length $text;
        my $type = $text =~ /^\{/ ? 'application/json' : 'text/plain';
        my $status = $text eq '' ? '404 Not Found' : '200 OK';
        my $connection = $request->{connection};
        print $connection "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: $length\r\n\r\n$text"
            if defined $self->{input}{$connection};
    }
    $self->{out}->flush if @due;
}

sub answer {
    my ($self, $request) = @_;
    my ($method, $kind, $path) = $request->{head} =~ m{^(\w+) /(\w+)/apps/sync/provider/(\S*) HTTP} or return '';
    my ($key) = $request->{head} =~ /^X_MYTARDIS_KEY:\s*(\S+)/mi;
    $request->{key} = $key // '-';
    my @uids = $request->{body} =~ /(?:^|&)uid=([^&\s]+)/g;
    if ($method eq 'POST' && $path eq 'get/') {
        $self->note($request, 'get', $uids[0]);
        return 'OK';
    }
    return $self->status($request, $1) if $path =~ m{^status/([^/]+)/$};
    return '' if $kind ne 'batch';
    return '{"protocol": 1, "batch_status": 200}' if $path eq '';
    return '{"statuses": {' . join(', ', map { "\"$_\": " . $self->status($request, $_) } @uids) . '}}';
}

sub status {
    my ($self, $request, $uid) = @_;
    my $count = $self->note($request, 'status', $uid);
    return '{"timestamp": 1.5, "human_status": "x", "status": 4, "message": "never asked for"}'
        unless $self->{count}{"get $uid"};
    my ($status, $progress) = $self->is_complete($uid, $count) ? (1, 'all') : (2, "$count files");
    return qq({"timestamp": 1.5, "human_status": "x", "status": $status, "message": "", "progress": "$progress"});
}

sub is_complete {
    my ($self, $uid, $count) = @_;
    my ($number) = $uid =~ /(\d+)$/;
    return $count > $number % $self->{polls};
}

# (\%asked): whether the answer was that all is there.
sub has_completed {
    my ($self, $asked) = @_;
    return $asked->{what} eq 'status' && $self->is_complete(@$asked{qw(uid count)});
}

sub note {
    my ($self, $request, $what, $uid) = @_;
    my $count = ++$self->{count}{"$what $uid"};
    my @times = map { sprintf '%.6f', $_ } $request->{from}, time;
    $self->{out}->print(join(' ', $what, $uid, $request->{key}, $count, @times) . "\n");
    return $count;
}

1;
