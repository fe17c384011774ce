#!/usr/bin/perl
# When a transfer is asked about again follows what the provider tells of it, between two bounds; a notification
# makes it due at once; and what tells nothing new costs no row of the history.

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
my $told = $bed->dir . '/told';
my $fake = FakeServer->new(handler => sub { return answer(%{decode_json($bed->slurp($told))}) });
add_provider($bed, $fake->url, KEY);
$bed->set_option('consumer', 'poll_interval', 60);
$bed->set_option('consumer', 'poll_interval_maximum', 600);

# (%status): what the provider says of every transfer from now on.
sub says { $bed->rewrite($told, encode_json({status => 2, @_})); return }

# ($id, %status): the seconds from one question, which is answered so, until the next one.
sub asks {
    my ($id, %status) = @_;
    says(%status);
    is((tick($bed, '--only', $id))[0], 0, 'the tick works');
    return row($bed, $id, 'TIMESTAMPDIFF(MICROSECOND, updated_at, next_attempt_at) / 1000000') + 0;
}

# ($id, $seconds): as if all of it had been so much earlier.
sub age {
    my ($id, $seconds) = @_;
    change($bed, $id, join ', ',
        map { "$_ = $_ - INTERVAL $seconds SECOND" } qw(state_since moved_at updated_at next_attempt_at));
    return $id;
}

sub answers { return scalar grep { /^answer/ } events($bed, $_[0]) }

subtest 'a transfer that tells of bytes' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.1', state => 'Requested');
    is(asks($id, bytes_done => 100, bytes_total => 780), 60, 'the first answer tells no rate');
    is(state($bed, $id), 'InProgress', 'it has begun');
    age($id, 100);
    is(asks($id, bytes_done => 200, bytes_total => 880), 240, '680 s to go: half of them, rounded down');
    my ($status, $out) = $bed->run('tardis-consumer', 'list');
    my $next = row($bed, $id, q{DATE_FORMAT(next_attempt_at, '%Y-%m-%dT%H:%i:%SZ')});
    like($out, qr/^$id .* \Q$next\E +-$/m, 'list tells when it is asked about next');
    is((tick($bed))[1] =~ /^tick: 0 stepped/, 1, 'a tick leaves it alone until then');
    age($id, 100);
    is(asks($id, bytes_done => 201, bytes_total => 10 ** 15), 600, 'years to go: the longest wait');
    age($id, 1000);
    is(asks($id, bytes_done => 10 ** 15 - 1, bytes_total => 10 ** 15), 60, 'nearly there: the shortest one');
    age($id, 1400);
    is(asks($id, bytes_done => 10 ** 15 - 1, bytes_total => 10 ** 15), 240, 'it stands still');
    age($id, 36000);
    is(asks($id, bytes_done => 10 ** 15 - 1, bytes_total => 10 ** 15, progress => '10 hours have passed'), 600,
        'longer, whatever the text says');
    is(asks($id, bytes_done => 0, bytes_total => 10 ** 15), 60, 'it begins anew at the provider');
    is(answers($id), 1, 'one answer is in the history');
    settle($bed);
};

subtest 'a transfer that tells of its progress by a text alone' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.2', state => 'Requested');
    is(asks($id, progress => 'one file'), 60, 'it has begun');
    age($id, 36000);
    is(asks($id, progress => 'one file'), 600, 'the same as ten hours ago');
    is(asks($id, progress => 'two files'), 60, 'it goes on');
    cmp_ok(row($bed, $id, 'TIMESTAMPDIFF(SECOND, moved_at, updated_at)'), '==', 0, 'and has moved');
    settle($bed);
};

subtest 'clocks that are wrong' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.3', state => 'InProgress');
    for my $time (0, 0.5, -1, 253402300799, 1e300, 1700000000, undef) {
        is(asks($id, bytes_done => 5, bytes_total => 10, timestamp => $time), 60, 'timestamp ' . ($time // 'null'));
    }
    change($bed, $id, 'moved_at = moved_at + INTERVAL 1 HOUR');
    is(asks($id, bytes_done => 5, bytes_total => 10), 60, 'this host\'s clock was set back');
    is(row($bed, $id, 'moved_at <= UTC_TIMESTAMP(6)'), 1, 'and the time without movement counts from then');
    settle($bed);
};

subtest 'a notification makes it due at once' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.4', state => 'InProgress');
    asks($id, bytes_done => 5, bytes_total => 10);
    age($id, 36000);
    is(asks($id, bytes_done => 5, bytes_total => 10), 600, 'it is not due for long');
    like((tick($bed))[1], qr/^tick: 0 stepped/, 'and not asked about');
    my $told = $bed->request('POST', $bed->env('CONSUMER_URL') . '/apps/sync/consumer/notify_experiment/tardis.4/',
        content => $bed->form(username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD')),
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
    is($told->{status}, 204, 'the provider says that something has changed');
    says(status => 1);
    like((tick($bed))[1], qr/^tick: 1 stepped, 1 moved on/, 'it is asked about');
    is(state($bed, $id), 'CheckingIntegrity', 'and was complete');
    settle($bed);
};

subtest 'the history tells what is said anew' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.5', state => 'InProgress');
    my @said = ([1, message => 'waiting for tape 1'], [0, message => 'waiting for tape 22'],
        [0, message => 'waiting for tape 22', files_done => 7], [1, message => 'copying'],
        [0, message => 'copying', progress => 'half of it'], [0, message => 'copying'],
        [1, message => 'copying', code => 'io_error'], [1]);
    asks($id);
    is(answers($id), 0, 'what is said as before is not told again');
    for my $said (@said) {
        my ($is_new, %status) = @$said;
        my $before = answers($id);
        asks($id, %status);
        is(answers($id) - $before, $is_new, join ' ', $is_new ? 'told:' : 'not told:', %status);
    }
    my @texts = map { $_->[0] } $bed->sql('consumer',
        "SELECT text FROM synced_event WHERE experiment_id = ? AND kind = 'answer' ORDER BY id", $id);
    is($texts[0], 'the provider says: Transfer In Progress: waiting for tape 1', 'with its words');
    is($texts[2], 'the provider says: Transfer In Progress: copying [io_error]', 'and its error');
    asks($id, status => 5, message => 'the database is away');
    is(join(', ', (events($bed, $id))[-2, -1]), 'answer - - -, error - - transfer_server_error',
        'another status is an answer as well');
    my $before = answers($id);
    asks($id, status => 5, message => 'the database is away');
    is(answers($id), $before, 'told once');
    settle($bed);
};

subtest 'many that stand still are asked about together' => sub {
    my @ids = map { follow($bed, provider => $fake->url, uid => "tardis.6$_", state => 'InProgress') } 1 .. 30;
    says(bytes_done => 5, bytes_total => 10);
    tick($bed);
    $bed->sql('consumer', "UPDATE synced_experiment SET moved_at = moved_at - INTERVAL 1000 + experiment_id SECOND,
        next_attempt_at = UTC_TIMESTAMP(6) WHERE uid LIKE 'tardis.6%'");
    like((tick($bed))[1], qr/^tick: 30 stepped, 0 moved on, .* 30 waiting/, 'nothing has moved');
    is_deeply([map { $_->[0] } $bed->sql('consumer', "SELECT DISTINCT TIMESTAMPDIFF(SECOND, updated_at,
        next_attempt_at) FROM synced_experiment WHERE uid LIKE 'tardis.6%'")], [240],
        'they wait as long as each other');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE experiment_id IN (SELECT experiment_id
        FROM synced_experiment WHERE uid LIKE 'tardis.6%')"), 0, 'and there is no history of it');
    settle($bed);
};

subtest 'the bounds are checked' => sub {
    my %wrong = (59 => qr/consumer\.conf:\d+: poll_interval_maximum must not be below poll_interval/,
        604801 => qr/poll_interval_maximum/, -1 => qr/poll_interval_maximum/);
    for my $value (sort keys %wrong) {
        $bed->set_option('consumer', 'poll_interval_maximum', $value);
        my ($status, $out, $err) = tick($bed);
        is($status, 78, "$value is refused");
        like($err, qr/$wrong{$value}.*\[config_invalid\]/, 'by name');
    }
    $bed->set_option('consumer', 'poll_interval_maximum', 0);
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.7', state => 'InProgress');
    asks($id);
    age($id, 36000);
    is(asks($id), 900, 'unset, it is 15 times poll_interval');
};

done_testing;
