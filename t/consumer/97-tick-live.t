# tick: on a terminal it shows what it is doing, and nothing of that goes anywhere else; --json is for programs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $fake = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    return {status => 500, body => 'broken'} if $request->{body} =~ /uid=bad\./;
    return {status => 200, body => 'OK', delay => 0.6};
});
add_provider($bed, $fake->url, KEY);
my $clear = "\r\e[K";

# What a terminal of this width gets to see of a tick.
sub on_terminal {
    my ($width, $terminal, @options) = @_;
    follow($bed, provider => $fake->url, uid => "good.$_", due => -10) for map { int rand 1e9 } 1 .. 20;
    follow($bed, provider => $fake->url, uid => 'bad.' . int rand 1e9, due => -5);
    my $command = join ' ', "stty cols $width;", 'exec tardis-consumer', '--config', $bed->env('CONSUMER_CONF'),
        'tick', @options;
    local $ENV{PATH} = $bed->env('PATH');
    local $ENV{TERM} = $terminal;
    local $ENV{SHELL} = '/bin/sh';
    open(my $out, '-|', 'script', '--quiet', '--return', '--command', $command, '/dev/null') or die "script: $!\n";
    local $/;
    my $seen = <$out> // '';
    close $out;
    is($?, 0, 'the tick succeeds');
    settle($bed);
    return $seen;
}

SKIP: {
    my $probe = `script --quiet --return --command 'stty cols 40' /dev/null </dev/null 2>&1`;
    skip 'there is no script(1) that gives a terminal', 3 if $?;

    subtest 'a terminal' => sub {
        my $seen = on_terminal(200, 'xterm');
        like($seen, qr{\Q$clear\Etick: \d+ stepped, \d+/s, .* in flight, \d+ to go; \d+ s}, 'the line is drawn');
        like($seen, qr/(?:\A|\n|\Q$clear\E)\S*tardis-consumer: warning: uid bad/,
            'a line of the log begins where a line begins');
        my ($end) = $seen =~ /([^\n]*)\r?\n\z/;
        like($end, qr/(?:\A|\Q$clear\E)tick: 21 stepped, 20 moved on, .* in [\d.]+ s/, 'the summary is what remains');
    };

    subtest 'a narrow one' => sub {
        my $seen = on_terminal(30, 'xterm');
        my @drawn = $seen =~ /\Q$clear\E(tick: \d+ stepped[^\r\n\e]*)(?=\r\e)/g;
        ok(@drawn > 0, 'the line is drawn');
        is((grep { length > 29 } @drawn), 0, 'and never longer than the terminal is wide');
    };

    subtest 'one that cannot, and --quiet' => sub {
        unlike(on_terminal(200, 'dumb'), qr/\e/, 'no escape sequence goes to a dumb one');
        unlike(on_terminal(200, 'xterm', '--quiet'), qr/in flight/, 'nothing is drawn with --quiet');
    };
}

subtest 'no terminal' => sub {
    follow($bed, provider => $fake->url, uid => 'good.pipe');
    my ($status, $out, $err) = $bed->run('tardis-consumer', 'tick');
    is($status, 0, 'the tick succeeds');
    like($out, qr/\Atick: 1 stepped, 1 moved on, 0 complete, 0 failed, 0 waiting, 0 errors in [\d.]+ s\n\z/, 'one line');
    unlike($err, qr/\e|in flight/, 'nothing is drawn');
    settle($bed);
};

subtest '--json' => sub {
    follow($bed, provider => $fake->url, uid => 'good.json');
    follow($bed, provider => $fake->url, uid => 'bad.json');
    my ($status, $out) = $bed->run('tardis-consumer', 'tick', '--json');
    my $report = decode_json($out);
    is($status, 0, 'the tick succeeds');
    ok(delete $report->{seconds} > 0, 'it took some time');
    ok(delete $report->{per_second} > 0, 'so there is a rate');
    is_deeply($report, {stepped => 2, moved_on => 1, complete => 0, failed => 0, waiting => 0, errors => 1, put_off => 0,
        mails => {sent => 0, digests => 0, not_sent => 0, given_up => 0}, error => undef}, 'the counts are in it');
    settle($bed);

    $bed->sql('consumer', 'RENAME TABLE synced_event TO synced_event_away');
    follow_without_events($bed);
    ($status, $out) = $bed->run('tardis-consumer', 'tick', '--json');
    $bed->sql('consumer', 'RENAME TABLE synced_event_away TO synced_event');
    $report = decode_json($out);
    isnt($status, 0, 'a tick that fails fails');
    is($report->{error}{code}, 'database_error', 'its error is in it');
    like($report->{error}{text}, qr/synced_event/, 'with its text');
    ok(length $report->{error}{advice}, 'and what to do');
};

# One that is due, as it is there already.
sub follow_without_events {
    my ($bed) = @_;
    $bed->sql('consumer', "UPDATE synced_experiment SET state = 'Ingested', next_attempt_at = UTC_TIMESTAMP(6), "
        . "lease_owner = NULL, lease_until = NULL WHERE uid = 'good.json'");
    return;
}

done_testing;
