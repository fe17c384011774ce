#!/usr/bin/perl
# What is held is not stepped, whatever makes experiments due: ticks, notifications, registrations, retries. A
# step that is under way when the hold comes writes nothing. Released, it is due at once.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Encode qw(encode);
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);
use Views;

my $bed = Testbed->new;
my $tool = quotemeta 'tardis-consumer --config ' . $bed->env('CONSUMER_CONF');
my $gate = $bed->dir . '/gate';
my $user = (getpwuid($>))[0];
sub provider { return FakeServer->new(parallel => 1, handler => sub {
    for (1 .. 200) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $_[0]{method} eq 'POST';
    return answer(status => 2, progress => '1 of 2 files');
}) }
my ($fake, $other) = (provider(), provider());
add_provider($bed, $_->url, KEY) for $fake, $other;

sub consumer { return $bed->run('tardis-consumer', @_) }
sub works { my ($status, $out, $err) = consumer(@_); is($status, 0, "@_") or diag $err; return $out }
sub refused { my ($status, $out, $err) = consumer(@{$_[0]}); is($status, $_[1], "@{$_[0]}: refused");
    return like($err, $_[2], 'with the reason') }
sub as_json { return decode_json(works(@_, '--json')) }
sub is_stopped { my ($id, $name) = @_;
    return is_deeply([row($bed, $id, qw(next_attempt_at lease_owner lease_until))], [undef, undef, undef],
        $name // 'it is not due and nobody has it') }
sub is_due { return is(row($bed, $_[0], 'next_attempt_at <= UTC_TIMESTAMP(6)'), 1, $_[1] // 'it is due') }
sub last_event { return encode('UTF-8', scalar $bed->sql('consumer',
    'SELECT text FROM synced_event WHERE experiment_id = ? AND kind = ? ORDER BY id DESC LIMIT 1', $_[0],
    'manual')) }
sub notify { return $bed->request('POST',
    $bed->env('CONSUMER_URL') . "/apps/sync/consumer/notify_experiment/$_[0]/",
    content => $bed->form(username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD')),
    headers => {'Content-Type' => 'application/x-www-form-urlencoded'})->{status} }

# ($body): runs it while a tick waits for an answer.
sub during_a_tick {
    my ($body) = @_;
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    $body->();
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick ends well');
}

subtest 'one experiment' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.1');
    my $free = follow($bed, provider => $fake->url, uid => 'tardis.2');
    refused(['hold', $id], 64, qr/--reason TEXT is required/);
    refused(['hold', $id, '--reason', "two\nlines"], 64, qr/one line/);
    refused(['hold', '--reason', 'nothing'], 64, qr/name experiments, or give --provider/);
    refused(['hold', $id, '--reason', 'x', '--provider', $fake->url], 64, qr/name experiments, or give/);
    my $out = works('hold', $id, '--reason', "the disks are b\x{c3}\x{a4}d");
    like($out, qr/^experiment $id \(tardis\.1\) is held; $tool release $id lets it go on$/, 'it says so');
    is_stopped($id);
    is(last_event($id), "$user holds it: the disks are b\x{c3}\x{a4}d", 'the history tells who and why');
    like((tick($bed))[1], qr/^tick: 1 stepped/, 'a tick takes the other one only');
    is_deeply([state($bed, $id), state($bed, $free)], ['Ingested', 'Requested'], 'which has moved on');
    like((tick($bed, '--now'))[1], qr/^tick: 1 stepped/, 'so does --now');
    refused(['tick', '--only', $id], 1, qr/held by \Q$user\E since \S+: the disks.*release $id \[conflict\]/);
    is(notify('tardis.1'), 204, 'a notification is accepted');
    is_stopped($id, 'and changes nothing');

    my ($line) = works('list') =~ /^($id .*)$/m;
    like($line, qr/ +held +-$/, 'list marks it');
    is(scalar(() = works('list') =~ / held /g), 1, 'and no other');
    my $page = works('show', $id);
    like($page, qr/^  +held by \Q$user\E since \S+Z: the disks are b\x{c3}\x{a4}d$/m, 'show tells who, when and why');
    like($page, qr/Nothing, until somebody releases it: $tool release $id$/m, 'and what to do');
    is(as_json('show', $id)->{held}{held_by}, $user, 'as JSON, too');
    my %held = map { $_->{id} => $_->{held} } @{as_json('list')};
    like($held{$id}{reason}, qr/^the disks/, 'list --json has it');
    is($held{$free}, undef, 'and null for the other');

    like(works('hold', 'tardis.1', '--reason', 'still bad'), qr/is still held, now for this reason/, 'again');
    like(works('show', $id), qr/: still bad$/m, 'the new reason counts');
    like(works('release', $id), qr/^experiment $id \(tardis\.1\) is released; the next tick takes it up$/, 'released');
    is_due($id);
    is(last_event($id), "$user released it", 'with an event');
    refused(['release', $id], 1, qr/experiment $id is not held \[conflict\]/);
    tick($bed);
    is(state($bed, $id), 'Requested', 'it goes on');
    settle($bed);
};

subtest 'several, and those that cannot be held' => sub {
    my $id = follow($bed, provider => $fake->url);
    my $done = follow($bed, provider => $fake->url, state => 'Complete');
    refused(['hold', $done, '--reason', 'x'], 1, qr/is Complete: there is nothing to hold \[conflict\]/);
    refused(['hold', 'tardis.nobody', '--reason', 'x'], 66, qr/\[not_found\]/);
    refused(['hold', $done, $id, 'tardis.nobody', '--reason', 'x'], 1, qr/\[conflict\].*\[not_found\]/s);
    is_stopped($id, 'the others are held all the same');
    $bed->sql('consumer', 'DELETE FROM experiment WHERE id = ?', $id);
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment_hold'), 0, 'a hold goes with its experiment');
    settle($bed);
};

subtest 'while it is being stepped' => sub {
    my $id = follow($bed, provider => $fake->url);
    during_a_tick(sub { works('hold', $id, '--reason', 'stop'); is_stopped($id) });
    is_stopped($id, 'the step in flight has not made it due');
    is(state($bed, $id), 'Ingested', 'and has written nothing');
    is_deeply([events($bed, $id)], ['manual - - -'], 'no history either');
    works('release', $id);
    tick($bed);
    is(state($bed, $id), 'Requested', 'released, it is stepped');
    $id = follow($bed, provider => $fake->url);
    during_a_tick(sub { works('hold', $id, '--reason', 'stop'); works('release', $id) });
    is(state($bed, $id), 'Ingested', 'a hold that has ended meanwhile keeps it from writing, too');
    is_due($id);
    settle($bed);
};

subtest 'for longer than the deadline' => sub {
    my $id = follow($bed, provider => $fake->url, state => 'InProgress');
    my $second = follow($bed, provider => $other->url, state => 'InProgress');
    tick($bed);
    works('hold', $id, '--reason', 'holidays');
    works('hold', '--provider', $other->url, '--reason', 'holidays');
    change($bed, $_, 'moved_at = moved_at - INTERVAL 30 DAY, state_since = state_since - INTERVAL 30 DAY')
        for $id, $second;
    works('release', $id);
    works('release', '--provider', $other->url);
    tick($bed);
    is(state($bed, $_), 'InProgress', 'it is not given up for that') for $id, $second;
    settle($bed);
};

subtest 'registered anew' => sub {
    my %from = (originid => 'tardis.7', from_url => $fake->url);
    is($bed->register(mets('one', ['a.txt', 'hello']), %from)->{status}, 200, 'registered');
    my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', 'tardis.7');
    tick($bed);
    is(state($bed, $id), 'Requested', 'it is stepped');
    works('hold', $id, '--reason', 'wait');
    is($bed->register(mets('two', ['a.txt', 'hello']), %from)->{status}, 200, 'registered with a change');
    is(state($bed, $id), 'Ingested', 'it begins anew');
    is_stopped($id, 'and stays held');
    works('release', $id);
    is_due($id);
    settle($bed);
};

subtest 'a provider' => sub {
    $bed->sql('consumer', 'DELETE FROM experiment');
    my @mine = map { follow($bed, provider => $fake->url, uid => "held.$_") } 1 .. 3;
    my $theirs = follow($bed, provider => $other->url, uid => 'held.1');
    my $failed = follow($bed, provider => $fake->url, uid => 'held.4', state => 'FailPermanent');
    change($bed, $failed, 'next_attempt_at = NULL');
    works('hold', $mine[2], '--reason', 'this one');
    refused(['hold', '--provider', 'https://nobody.example', '--reason', 'x'], 66, qr/no provider section/);
    refused(['release', '--provider', $fake->url], 1, qr/is not held \[conflict\]/);
    my $out = works('hold', '--provider', $fake->url . '/', '--reason', 'tape robot');
    like($out, qr/^provider \Q@{[$fake->url]}\E is held; 2 pending experiments were stopped; /, 'it counts');
    is_stopped($_) for @mine;
    is(last_event($mine[0]), "$user holds everything of its provider: tape robot", 'in each history');
    is_deeply([events($bed, $failed)], [], 'not of what has ended');
    like((tick($bed, '--now'))[1], qr/^tick: 1 stepped/, 'a tick takes the other provider\'s only');
    is(state($bed, $theirs), 'Requested', 'which moves on');
    refused(['tick', '--only', $mine[0]], 1,
        qr/with all of the provider \S+: tape robot; first: $tool release --provider http/);
    is(scalar(() = works('list') =~ / held /g), 3, 'list marks them');
    like(works('show', $mine[1]), qr/with all of the provider \Q@{[$fake->url]}\E: tape robot$/m, 'show tells');
    like(works('show', $mine[2]), qr/^  +held by \S+ since \S+: this one$/m, 'an own reason comes first');
    refused(['release', $mine[0]], 1, qr/not held by itself, but its provider is/);

    is($bed->register(mets('new', ['a.txt', 'hello']), originid => 'held.5', from_url => $fake->url)->{status},
        200, 'a new one is registered');
    my $new = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', 'held.5');
    is_stopped($new, 'and not due');
    like(works('retry', $failed), qr/is Ingested again; nothing is done about it while it is held by/, 'retry');
    is_stopped($failed, 'of a failed one does not make it due');
    like(works('release', $mine[2]), qr/is released, but still held by .* with all of the provider/, 'its own hold');
    is_stopped($mine[2], 'is not the only one');
    works('hold', $mine[1], '--reason', 'that one');

    $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6)
        WHERE experiment_id = ?', $mine[0]); # as if the command had been killed
    like(works('hold', '--provider', $fake->url, '--reason', 'longer'), qr/still held, now for this reason; 1 pending/,
        'again, it stops what is left');
    $bed->sql('consumer', 'UPDATE provider_hold SET released_at = UTC_TIMESTAMP(6)'); # as if killed at that
    $out = works('release', '--provider', $fake->url);
    like($out, qr/^provider \S+ is released; 4 experiments are due now$/, 'a release that was killed is taken up');
    is_due($_) for @mine[0, 2], $new, $failed;
    is_stopped($mine[1], 'what is held itself stays so');
    is(last_event($new), "$user released its provider", 'in each history');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM provider_hold'), 0, 'nothing remembers it');
    settle($bed);
};

subtest 'a provider that registers meanwhile' => sub {
    my $document = $bed->dir . '/one.xml';
    $bed->rewrite($document, mets('one', ['a.txt', 'hello']));
    for my $held (1, 0) {
        my $url = $fake->url;
        works('hold', '--provider', $url, '--reason', 'before') unless $held;
        my @pids = map { my $name = "at-once.$held.$_"; $bed->start('sh', '-c',
            'for i in 1 2 3 4 5 6 7 8; do "$@" --uid ' . $name . '.$i || exit; done', 'sh', 'tardis-consumer',
            '--config', $bed->env('CONSUMER_CONF'), 'register', $document, '--from', $url) } 1 .. 3;
        Testbed::Servers::wait_until(20, sub { $bed->sql('consumer',
            'SELECT COUNT(*) FROM synced_experiment WHERE uid LIKE ?', "at-once.$held.%") > 4 })
            or die "nothing is registered\n";
        works($held ? ('hold', '--reason', 'now') : 'release', '--provider', $url);
        for my $pid (@pids) {
            waitpid $pid, 0;
            is($?, 0, 'registered');
        }
        is_deeply([map { $_ + 0 } @{($bed->sql('consumer', 'SELECT COUNT(*), COUNT(next_attempt_at)
            FROM synced_experiment WHERE uid LIKE ?', "at-once.$held.%"))[0]}], [24, $held ? 0 : 24],
            $held ? 'none of them is due' : 'all of them are due');
        works('release', '--provider', $url) if $held;
    }
    settle($bed);
};

subtest 'a provider with very many, while they are stepped' => sub {
    my $model = follow($bed, provider => $fake->url, uid => 'many', due => 1000);
    $bed->sql('consumer', 'INSERT INTO experiment (title, description, institution, created_at, updated_at)
        SELECT s.seq, "", "", UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_2500 s');
    $bed->sql('consumer', 'INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
        state_since, moved_at, next_attempt_at, created_at, updated_at)
        SELECT e.id, CONCAT("many.", e.id), m.provider_url, m.document_digest, m.state, m.state_since, m.moved_at,
        m.next_attempt_at, m.created_at, m.updated_at FROM experiment e JOIN synced_experiment m
        ON m.experiment_id = ? WHERE e.id > m.experiment_id', $model);
    my $id = follow($bed, provider => $fake->url, uid => 'zz.last');
    during_a_tick(sub { like(works('hold', '--provider', $fake->url, '--reason', 'all'),
        qr/; 2502 pending experiments were stopped/, 'all of them, page by page') });
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_experiment WHERE provider_url = ?
        AND (next_attempt_at IS NOT NULL OR lease_owner IS NOT NULL)', $fake->url), 0, 'none is left');
    is(state($bed, $id), 'Ingested', 'what was under way has written nothing');
    like(works('release', '--provider', $fake->url), qr/; \d+ experiments are due now$/, 'and released');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE uid LIKE 'many%'
        AND next_attempt_at IS NULL"), 0, 'all of them');
};

done_testing;
