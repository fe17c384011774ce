#!/usr/bin/perl
# A provider that does not answer is left alone for a growing time, over ticks and hosts; what is due of it is put
# off without a request. Then one request tries it, for all.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
$bed->set_option('consumer', 'retry_minimum', 50);
$bed->set_option('consumer', 'retry_maximum', 100);
my ($dead, $gate) = map { $bed->dir . "/$_" } qw(dead gate);

# Answers unless it is dead; waits while the gate is there.
sub provider {
    my ($answer) = @_;
    my $fake = FakeServer->new(parallel => 1, handler => sub {
        for (1 .. 400) { last unless -e $gate; sleep 0.05 }
        return {close => 1} if -e $dead;
        return $answer->($_[0]) if $answer;
        return {status => 200, body => 'OK'};
    });
    add_provider($bed, $fake->url, KEY);
    return $fake;
}
sub make { my ($file) = @_; open(my $out, '>', $file) or die "$file: $!\n"; return }
sub due { my ($fake) = @_; $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6)
    WHERE provider_url = ? AND lease_owner IS NULL', $fake->url); return }
sub health { my ($fake, @columns) = @_;
    my ($row) = $bed->sql('consumer', 'SELECT ' . join(', ', @columns) . ' FROM provider_health WHERE provider_url = ?',
        $fake->url);
    return wantarray ? @{$row // []} : $row && $row->[0] }
sub is_left { my ($fake) = @_; return scalar health($fake, 'COALESCE(left_until > UTC_TIMESTAMP(6), 0)') // 0 }
sub over { my ($fake) = @_; $bed->sql('consumer', 'UPDATE provider_health SET left_at = left_at - INTERVAL 9000 SECOND,
    left_until = left_until - INTERVAL 9000 SECOND WHERE provider_url = ?', $fake->url); return }
sub asked { my ($fake, $body) = @_; my $before = $fake->requests; $body->(); return $fake->requests - $before }
sub ticks { my (@options) = @_; my ($status, $out, $err) = tick($bed, @options); is($status, 0, 'the tick succeeds');
    return wantarray ? ($out, $err) : $out }
sub count { return scalar $bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE $_[0]", @_[1 .. $#_]) }
# ($fake): it is dead, and known to be.
sub kill_it {
    my ($fake) = @_;
    make($dead);
    my @ids = map { follow($bed, provider => $fake->url) } 1 .. 4;
    ticks();
    ok(is_left($fake), 'a dead provider is left alone');
    return @ids;
}

subtest 'remembered from tick to tick' => sub {
    my $fake = provider();
    my $id = follow($bed, provider => $fake->url);
    make($dead);
    for my $n (1, 2) {
        due($fake);
        is(asked($fake, sub { ticks() }), 1, 'it is asked');
        is_deeply([health($fake, 'failures', 'left_until')], [$n, undef], 'and that it failed is kept');
    }
    due($fake);
    my ($out, $err) = ticks();
    like($err, qr/provider \Q@{[$fake->url]}\E: .* \[provider_unreachable\]; left alone until \S+Z/, 'then it is told');
    ok(is_left($fake), 'it is left alone');
    my ($wait) = health($fake, 'TIMESTAMPDIFF(SECOND, left_at, left_until)');
    ok($wait >= 60 && $wait <= 75, 'for the shortest time') or diag $wait;
    my $history = grep { /^error/ } events($bed, $id);
    for my $n (1, 2) {
        due($fake);
        is(asked($fake, sub { $out = ticks() }), 0, 'and is not asked');
        like($out, qr/^tick: 0 stepped, .* 1 put off /, 'nothing is stepped');
        is(join(' ', row($bed, $id, qw(state attempts error_code))), 'Ingested 4 provider_unreachable',
            'it counts as one failed attempt, however often it is due meanwhile');
        like(row($bed, $id, 'error_text'),
            qr/^not asked, as the provider has failed since \S+Z; left alone until \S+Z; last: http/, 'with its cause');
        is(scalar(grep { /^error/ } events($bed, $id)), $history + 1, 'and one event');
    }
    my ($late) = $bed->sql('consumer', 'SELECT s.next_attempt_at >= h.left_until AND s.next_attempt_at <= h.put_off_until
        FROM synced_experiment s JOIN provider_health h USING (provider_url) WHERE experiment_id = ?', $id);
    ok($late, 'it is due after that time');
    over($fake);
    due($fake);
    is(asked($fake, sub { ticks() }), 1, 'then it is tried');
    ($wait) = health($fake, 'TIMESTAMPDIFF(SECOND, left_at, left_until)');
    ok($wait >= 120 && $wait <= 150, 'and left alone for twice as long') or diag $wait;
    due($fake);
    ticks();
    is(scalar(grep { /^error/ } events($bed, $id)), $history + 3, 'of which the history tells, and then that it is not asked');
    unlink $dead;
    settle($bed);
};

subtest 'one request for all' => sub {
    my $fake = provider();
    kill_it($fake);
    my @ids = map { follow($bed, provider => $fake->url) } 1 .. 30;
    over($fake);
    due($fake);
    is(asked($fake, sub { ticks() }), 1, 'one request tries a dead one');
    is(scalar health($fake, 'times_left'), 2, 'it is left alone again');
    is(count('provider_url = ? AND lease_owner IS NULL AND next_attempt_at > UTC_TIMESTAMP(6)
        AND error_text LIKE \'not asked%\'', $fake->url), 33, 'all others are put off');
    unlink $dead;
    over($fake);
    my $first = $ids[7];
    change($bed, $first, 'next_attempt_at = UTC_TIMESTAMP(6)');
    my ($out, $err);
    is(asked($fake, sub { ($out, $err) = ticks() }), 1, 'one request of the one that is due');
    is(state($bed, $first), 'Requested', 'which succeeds');
    is_deeply([health($fake, qw(failures failing_since times_left left_until put_off_until error_code trial_owner))],
        [0, undef, 0, undef, undef, undef, undef], 'all is well again');
    ok(scalar health($fake, 'answered_at > UTC_TIMESTAMP(6) - INTERVAL 100 SECOND'), 'it has answered');
    is(count('provider_url = ? AND next_attempt_at <= UTC_TIMESTAMP(6) AND lease_owner IS NULL', $fake->url), 33,
        'and all others are due at once');
    is(asked($fake, sub { ticks() }), 33, 'they are asked for');
    is(count("provider_url = ? AND state = 'Requested'", $fake->url), 33, 'and go on');
    settle($bed);
};

subtest 'it answers again while many wait' => sub {
    my $fake = provider();
    kill_it($fake);
    my @ids = map { follow($bed, provider => $fake->url) } 1 .. 30;
    unlink $dead;
    over($fake);
    due($fake);
    is(asked($fake, sub { ticks() }), 34, 'after the first, all in the same tick');
    is(count("provider_url = ? AND state = 'Requested'", $fake->url), 34, 'and go on');
    settle($bed);
};

subtest 'ticks that overlap' => sub {
    my $fake = provider();
    kill_it($fake);
    unlink $dead;
    my @ids = map { follow($bed, provider => $fake->url) } 1 .. 30;
    over($fake);
    due($fake);
    make($gate);
    my $before = $fake->requests;
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    like(scalar health($fake, 'trial_owner'), qr/:$pid:\d+$/, 'one of them tries it');
    my $new = follow($bed, provider => $fake->url);
    is(asked($fake, sub { ticks() for 1 .. 3 }), 0, 'the others wait for what it finds');
    is(join(' ', row($bed, $new, qw(state attempts)), row($bed, $new, 'error_code') // '-'), 'Ingested 0 -',
        'and leave what is due as it is');
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick ends well');
    is(count("provider_url = ? AND state = 'Requested'", $fake->url), 34, 'it has asked for all it had taken');
    ticks();
    is(state($bed, $new), 'Requested', 'and the next one for the rest');
    settle($bed);
};

subtest 'a tick that is killed while it tries' => sub {
    my $fake = provider();
    my @ids = kill_it($fake);
    unlink $dead;
    over($fake);
    due($fake);
    make($gate);
    my $before = $fake->requests;
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink $gate;
    $bed->sql('consumer', 'UPDATE synced_experiment SET lease_owner = NULL, lease_until = NULL');
    due($fake);
    is(asked($fake, sub { ticks() }), 0, 'nobody knows that it is dead');
    $bed->sql('consumer', 'UPDATE provider_health SET trial_until = UTC_TIMESTAMP(6)');
    due($fake);
    is(asked($fake, sub { ticks() }), 4, 'until its time is over');
    is((grep { state($bed, $_) eq 'Requested' } @ids), 4, 'then all go on');
    settle($bed);
};

subtest 'very many are due' => sub {
    my $fake = provider();
    follow($bed, provider => $fake->url, due => -1000) for 1 .. 20;
    $bed->sql('consumer', "INSERT INTO experiment (title, description, institution, created_at, updated_at)
        SELECT 'many', '', 'Facility', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_6000");
    $bed->sql('consumer', "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
        state_since, moved_at, next_attempt_at, created_at, updated_at) SELECT id, CONCAT('many.', id), ?,
        REPEAT('x', 32), 'InProgress', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL 100 SECOND,
        UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM experiment WHERE title = 'many'", $fake->url);
    $bed->sql('consumer', 'UPDATE synced_experiment SET moved_at = moved_at - INTERVAL 9 DAY, attempts = 2
        WHERE provider_url = ? ORDER BY experiment_id DESC LIMIT 10', $fake->url);
    make($dead);
    my $out;
    cmp_ok(asked($fake, sub { $out = ticks() }), '<=', 3 + 8 * 2, 'a few requests');
    unlink $dead;
    my ($stepped) = $out =~ /^tick: (\d+) stepped/;
    cmp_ok($stepped, '<', 1000, 'and few steps');
    is(count("provider_url = ? AND (next_attempt_at <= UTC_TIMESTAMP(6) OR lease_owner IS NOT NULL)", $fake->url), 0,
        'but none is due any more');
    is(count("provider_url = ? AND state = 'FailPermanent' AND error_code = 'provider_unreachable'
        AND error_text LIKE 'given up after 3 failed attempts since %'", $fake->url), 10, 'what was late has failed');
    is(count("provider_url = ? AND state <> 'FailPermanent' AND (attempts <> 1
        OR error_code <> 'provider_unreachable')", $fake->url), 0, 'the others have failed once');
    is(scalar $bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE kind = 'error' AND experiment_id IN
        (SELECT experiment_id FROM synced_experiment WHERE provider_url = ?)", $fake->url), 6010, 'with an event each');
    $bed->sql('consumer', "DELETE FROM experiment WHERE title = 'many'");
    settle($bed);
};

subtest 'for longer than the deadline' => sub {
    my $fake = provider();
    my ($late, $new) = kill_it($fake);
    change($bed, $_, 'moved_at = moved_at - INTERVAL 8 DAY, attempts = 0') for $late, $new;
    change($bed, $late, 'attempts = 2');
    due($fake);
    is(asked($fake, sub { ticks() }), 0, 'it is not asked');
    is(state($bed, $late), 'FailPermanent', 'one that has failed often enough is given up');
    like(row($bed, $late, 'error_text'), qr/^given up after 3 failed attempts since \S+: not asked, as the provider/,
        'with the cause');
    is(join(' ', row($bed, $new, qw(state attempts))), 'Ingested 1', 'one that was not tried is not');
    change($bed, $new, 'attempts = 2, updated_at = updated_at - INTERVAL 7 DAY');
    due($fake);
    is(asked($fake, sub { ticks() }), 0, 'it is still not asked');
    is(join(' ', row($bed, $new, 'state', 'moved_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY')), 'Ingested 1',
        'where no tick has run for long, the deadline begins anew');
    change($bed, $new, 'attempts = 2, updated_at = updated_at - INTERVAL 7 DAY');
    due($fake);
    is(asked($fake, sub { ticks() }), 0, 'it is still not asked');
    is(join(' ', row($bed, $new, 'state', 'moved_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY')), 'Ingested 1',
        'where no tick has run for long, the deadline begins anew');
    unlink $dead;
    settle($bed);
};

subtest 'answers that are none' => sub {
    my $garbage = provider(sub { return {status => 200, body => '<html>hello</html>'} });
    my $many = 120;
    follow($bed, provider => $garbage->url, state => 'InProgress') for 1 .. $many;
    my $requests = asked($garbage, sub { ticks() });
    cmp_ok($requests, '<=', 1 + 30 + 8 * 2, 'nothing but garbage: it is left alone');
    cmp_ok($requests, '>=', 30, 'but not at once');
    ok(is_left($garbage), 'for a while');
    over($garbage);
    due($garbage);
    is(asked($garbage, sub { ticks() }), 1, 'then one request tries it');
    is(scalar health($garbage, 'times_left'), 2, 'and it is left alone for longer');
    settle($bed);
    my $odd = provider(sub { return $_[0]{path} =~ /[13579]\/$/ ? {status => 500} : answer(status => 2) });
    follow($bed, provider => $odd->url, state => 'InProgress', uid => "one.$_") for 1 .. $many;
    is(asked($odd, sub { ticks() }), 1 + $many, 'some garbage: all are asked about');
    ok(!is_left($odd), 'and it is not left alone');
    settle($bed);
    my $broken = provider(sub { return {status => 500} });
    my $id = follow($bed, provider => $broken->url, state => 'InProgress');
    for (1 .. 5) {
        due($broken);
        ticks();
    }
    ok(!is_left($broken), 'one uid is not the provider');
    settle($bed);
};

subtest 'a provider that asks to be left alone' => sub {
    my $busy = provider(sub { return {status => 503, headers => {'Retry-After' => 1000}} });
    follow($bed, provider => $busy->url) for 1 .. 30;
    cmp_ok(asked($busy, sub { ticks() }), '<=', 3 + 8 * 2, 'is');
    cmp_ok(scalar health($busy, 'TIMESTAMPDIFF(SECOND, left_at, left_until)'), '>=', 1000, 'for as long as it says');
    $bed->set_option('consumer', 'breaker_maximum', 500);
    over($busy);
    due($busy);
    ticks();
    is(scalar health($busy, 'TIMESTAMPDIFF(SECOND, left_at, left_until)'), 500, 'but no longer than breaker_maximum');
    settle($bed);
};

subtest 'a person insists' => sub {
    my $fake = provider();
    my ($one, @ids) = kill_it($fake);
    is(asked($fake, sub { ticks('--only', $one) }), 1, '--only asks in spite of that');
    ok(is_left($fake), 'which changes nothing if it fails');
    unlike(row($bed, $one, 'error_text'), qr/not asked/, 'but tells how');
    is(asked($fake, sub { ticks('--now') }), 4, '--now asks for all') or diag $fake->requests;
    my ($wait) = health($fake, 'TIMESTAMPDIFF(SECOND, left_at, left_until)');
    cmp_ok($wait, '>=', 120, 'and if they fail it is left alone for longer');
    unlink $dead;
    is(asked($fake, sub { ticks('--only', $one) }), 1, 'asked once more');
    ok(!is_left($fake), 'it answers, and all is well');
    is(count('provider_url = ? AND next_attempt_at <= UTC_TIMESTAMP(6) AND state = \'Ingested\'', $fake->url),
        count("provider_url = ? AND state = 'Ingested' AND error_text LIKE 'not asked%'", $fake->url),
            'what was put off is due');
    settle($bed);
};

subtest 'the clock is set back' => sub {
    my $fake = provider();
    my @ids = kill_it($fake);
    unlink $dead;
    $bed->sql('consumer', 'UPDATE provider_health SET left_at = left_at + INTERVAL 1 HOUR,
        left_until = left_until + INTERVAL 1 HOUR, failing_since = failing_since + INTERVAL 1 HOUR, answered_at = left_at,
        trial_owner = \'gone:1:1\', trial_until = left_until');
    due($fake);
    is(asked($fake, sub { ticks() }), 4, 'it is tried, and asked');
    is((grep { state($bed, $_) eq 'Requested' } @ids), 4, 'all go on');
    is_deeply([health($fake, 'left_until', 'answered_at <= UTC_TIMESTAMP(6)')], [undef, 1], 'and all is well');
    settle($bed);
};

subtest 'a provider that is gone from the configuration' => sub {
    my $fake = provider();
    my ($id) = kill_it($fake);
    unlink $dead;
    my $conf = $bed->env('CONSUMER_CONF');
    my $text = $bed->slurp($conf);
    $bed->rewrite($conf, $text =~ s/^provider "\Q@{[$fake->url]}\E" \{.*?^\}\n//msr);
    for my $over (0, 1) {
        over($fake) if $over;
        due($fake);
        ticks();
        is(row($bed, $id, 'error_code'), 'provider_unknown', 'its experiments say that');
    }
    $bed->rewrite($conf, $text);
    due($fake);
    is(asked($fake, sub { ticks() }), 4, 'it is tried once it is back');
    is(state($bed, $id), 'Requested', 'and asked');
    settle($bed);
};

done_testing;
