#!/usr/bin/perl
# A disk that is full: where the mail server keeps its spool, wherever in the conversation it finds out, and where the
# metrics are written. No mail is lost, none is sent twice, no state is lost, no file is left half written.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Crowd;
use Followed;
use RawServer;
use SmtpSink;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my @people = qw(ops@uni.example night@uni.example);
$bed->set_option('consumer', 'mail_administrators', '{' . join(', ', map { "\"$_\"" } @people) . '}');
my $full = '452 4.3.1 Insufficient system storage';
my %trouble = (
    'at MAIL FROM' => sub { SmtpSink->new(refuse => {'MAIL FROM' => $full}) },
    'at RCPT TO' => sub { SmtpSink->new(refuse => {'RCPT TO' => $full}) },
    'at DATA' => sub { SmtpSink->new(refuse => {DATA => $full}) },
    'after the message' => sub { SmtpSink->new(texts => {'.' => $full}) },
    'with a farewell at once' => sub { RawServer->new(handler => sub { print {$_[0]} "421 4.3.1 $full\r\n" }) },
    'in the middle of the message' => sub { RawServer->new(handler => \&hang_up) },
);

# Takes everything, and goes away after the first line of the message.
sub hang_up {
    my ($connection) = @_;
    print $connection "220 sink ready\r\n";
    while (defined(my $line = <$connection>)) {
        my $is_data = $line =~ /^DATA/i;
        print $connection $is_data ? "354 go on\r\n" : "250 ok\r\n";
        next if !$is_data;
        <$connection>;
        return;
    }
}

sub use_server {
    my ($server) = @_;
    $bed->set_option('consumer', 'smtp_url', "\"smtp://127.0.0.1:@{[$server->port]}\"");
}
sub unsent { return scalar $bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL') }
sub due { $bed->sql('consumer', 'UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) WHERE sent_at IS NULL') }

my @ids;
my $round = 0;
for my $name (sort keys %trouble) {
    my $server = $trouble{$name}->();
    use_server($server);
    my $id = follow($bed, state => 'CheckingIntegrity', files => {a => 'x'}, uid => 'full.' . ++$round);
    put_files($bed, $id, {a => 'x'});
    push @ids, $id;
    due();
    my ($status, $out, $err) = tick($bed);
    is(state($bed, $id), 'Complete', "$name: the experiment is complete, whatever becomes of the mail");
    is(unsent(), @ids * @people, "$name: every mail is kept");
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE next_attempt_at IS NOT NULL
        AND lease_owner IS NULL'), @ids * @people, "$name: to be tried again");
    cmp_ok($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE next_attempt_at > UTC_TIMESTAMP(6)'), '>=', 1,
        "$name: but not at once");
    like($err, qr/mail.*\[(?:mail_refused|host_unreachable|host_timeout)\]/, "$name: the log tells why");
    is(scalar $server->messages, 0, "$name: the server has accepted none") if $server->can('messages');
}

my $sink = SmtpSink->new;
use_server($sink);
for (1 .. 20) {
    last unless unsent();
    due();
    tick($bed);
}
is(unsent(), 0, 'when there is room again, all are sent');
tick($bed);
my %told;
for my $mail ($sink->messages) {
    my %about = map { $_ => 1 } $mail->{data} =~ /\b(full\.\d+)\b/g;
    for my $to (@{$mail->{to}}) {
        $told{"$to $_"}++ for keys %about;
    }
}
is_deeply(\%told, {map { my $to = $_; map { ("$to full.$_" => 1) } 1 .. $round } @people},
    'each person is told of each experiment, once') or diag map { $_->{data} } $sink->messages;
is_deeply([mail_once_each($bed)], [], 'and nothing was queued twice');
is_deeply([grep { $_->[0] ne 'transition' } $bed->sql('consumer', 'SELECT kind FROM synced_event')], [],
    'no experiment is blamed for it');

sub mail_once_each {
    return map { "@$_" } $bed->sql('consumer', 'SELECT experiment_id, recipient, COUNT(*) FROM notification
        GROUP BY experiment_id, recipient HAVING COUNT(*) <> 1');
}

subtest 'metrics' => sub {
    my $file = $bed->dir . '/tardis.prom';
    is(($bed->run('tardis-consumer', 'metrics', '--output', $file))[0], 0, 'they are written');
    my $before = $bed->slurp($file);
    follow($bed);
    my ($status, $out, $err) = $bed->run('sh', '-c', 'trap "" XFSZ; ulimit -f 0; exec tardis-consumer "$@"', 'sh',
        '--config', $bed->env('CONSUMER_CONF'), 'metrics', '--output', $file);
    is($status, 74, 'no room: an error of input and output');
    like($err, qr/\[io_error\]/, 'which is told');
    is($bed->slurp($file), $before, 'the file is as it was');
    is_deeply([glob("$file.* " . $bed->dir . '/.tardis.prom*')], [], 'nothing is left beside it');
};

done_testing;
