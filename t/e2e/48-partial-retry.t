# Three of many files are not as promised: a retry has these three sent again and checked, and no others; killed in the
# middle it goes on; a provider that cannot do that sends all of them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use FakeServer;
use File::Path qw(make_path);
use Sending;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $store = $bed->env('CONSUMER_STORE');
$bed->expect_log(qr{dav:error.*reading the request body}); # of a send that was killed
my %files = (map({ (sprintf('raw/frame %02d', $_) => "frame $_\n" x $_) } 1 .. 36), 'z/last' => 'z');
my @bad = ('raw/frame 07', 'raw/frame 20', 'z/last');

# Sent and about to be checked, with three files that are not as promised: changed, lost and cut off.
sub about_to_fail {
    my ($name) = @_;
    my $uid = $bed->import_experiment($name, \%files, '--epn', $name);
    $bed->run('tardis-provider', 'transfer', $name);
    my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', $uid);
    $bed->tick_until($id, 'Requested');
    send_now($bed);
    spoil("$id/$bad[0]", "FRAME 7\n" x 7);
    unlink "$store/$id/$bad[1]";
    spoil("$id/$bad[2]", '');
    return ($uid, $id);
}

sub spoil { my ($path, $content) = @_; $bed->rewrite("$store/$path", $content) }

# The paths that were PUT below $id since the last call.
my $seen = 0;
sub put_since {
    my ($id) = @_;
    my @lines = Testbed::Servers::read_lines($bed->dir . '/log/consumer-access.log');
    my @new = @lines[$seen .. $#lines];
    $seen = @lines;
    my @put = map { m{"PUT /dav/$id/(.+)" \d+} ? $1 : () } @new;
    return sort @put;
}

subtest 'three of many' => sub {
    my ($uid, $id) = about_to_fail('three');
    is(scalar(my @all = put_since($id)), 37, 'all files were sent at first');
    is($bed->tick_until($id, 'Complete'), 'FailPermanent', 'three are not as promised');
    like(($bed->run('tardis-consumer', 'retry', $id, '--dry-run'))[1], qr/would ask for 3 of its 37 files$/m,
        'retry --dry-run says what is asked for');
    is(($bed->run('tardis-consumer', 'retry', $uid))[0], 0, 'retry');
    spoil("$id/raw/frame 01", "FRAME 1\n"); # who checks it once more, finds that out
    is($bed->tick_until($id, 'Requested'), 'Requested', 'they are asked for');
    like(($bed->run('tardis-provider', 'show', $uid))[1], qr{ Queued +0/3 again +0 B/237 B }, 'the provider shows them');
    like(($bed->run('tardis-provider', 'list'))[1], qr{ Queued +0/3 again }, 'and lists them');
    $bed->tick_until($id, 'InProgress');
    like(($bed->run('tardis-consumer', 'show', $id))[1], qr/: 0 of 3 files again, 0 B of 237 B$/m, 'and tells of them');
    like(send_now($bed), qr/1 complete/, 'they are sent');
    is_deeply([put_since($id)], \@bad, 'and no others');
    is($bed->tick_until($id, 'Complete'), 'Complete', 'and checked, and no others');
    spoil("$id/raw/frame 01", $files{'raw/frame 01'});
    is(($bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . '/three', "$store/$id"))[1], '', 'all has arrived');
    like(join("\n", events_of($bed, $uid)), qr/asked for 3 of 37 files again.*Complete: 3 files again, 237 B/s,
        'the provider keeps that in its history');
    is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer_file'), 0, 'but not which they were');
    like(($bed->run('tardis-provider', 'show', '--json', $uid))[1], qr/"partial": true/, 'as JSON too');
};

subtest 'a send that is killed' => sub {
    my ($uid, $id) = about_to_fail('killed');
    $bed->tick_until($id, 'Complete');
    $bed->run('tardis-consumer', 'retry', $id);
    $bed->tick_until($id, 'Requested');
    put_since($id);
    # As it is left by one that was killed when the first file had arrived.
    $bed->sql('provider', "UPDATE transfer SET state = 'Sending', sent_through = 1, files_done = 2, bytes_done = 200,
        lease_owner = 'gone:1:1', lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE partial_after IS NOT NULL
        AND state = 'Queued'");
    $bed->rewrite("$store/$id/$bad[0]", $files{$bad[0]});
    like(send_now($bed), qr/1 complete/, 'another one goes on');
    is_deeply([put_since($id)], [@bad[1, 2]], 'behind the file that has arrived');
    like(join("\n", events_of($bed, $uid)), qr/taken over from gone:1:1, .*: from file 2 of 3 again/, 'the history tells');
    is($bed->tick_until($id, 'Complete'), 'Complete', 'and all is as promised');
};

subtest 'killed at random' => sub {
    my ($uid, $id) = about_to_fail('random');
    $bed->tick_until($id, 'Complete');
    $bed->run('tardis-consumer', 'retry', $id);
    put_since($id);
    for my $round (1 .. 12) {
        $bed->sql('consumer', 'UPDATE synced_experiment SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND,
            next_attempt_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE next_attempt_at IS NOT NULL
            AND experiment_id = ?', $id);
        $bed->sql('provider', 'UPDATE transfer SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND
            WHERE lease_until IS NOT NULL');
        my @pids = ($bed->start('tardis-consumer', 'tick', '--now'), $bed->start('tardis-provider', 'send'));
        sleep 0.01 + 0.004 * $round;
        kill 'KILL', @pids;
        waitpid $_, 0 for @pids;
    }
    $bed->sql('consumer', 'UPDATE synced_experiment SET lease_owner = NULL, lease_until = NULL');
    $bed->sql('provider', 'UPDATE transfer SET lease_owner = NULL, lease_until = NULL');
    $bed->tick_until($id, 'Requested');
    send_now($bed);
    is($bed->tick_until($id, 'Complete'), 'Complete', 'it comes to its end');
    my %put = map { $_ => 1 } put_since($id);
    is_deeply([sort keys %put], \@bad, 'without any file that was proven');
};

subtest 'an experiment that is imported anew' => sub {
    my ($uid, $id) = about_to_fail('anew');
    $bed->tick_until($id, 'Complete');
    $bed->run('tardis-consumer', 'retry', $id);
    $bed->tick_until($id, 'Requested');
    my ($row) = $bed->sql('provider', 'SELECT COUNT(*), (SELECT COUNT(*) FROM transfer_file) FROM transfer
        WHERE state = "Queued" AND partial_after IS NOT NULL');
    is("@$row", '1 3', 'three files are to be sent');
    $bed->import_experiment('anew', {'raw/one more' => 'x'}, '--epn', 'anew', '--update');
    ($row) = $bed->sql('provider', 'SELECT files_total, partial_after, (SELECT COUNT(*) FROM transfer_file)
        FROM transfer WHERE state = "Queued"');
    is_deeply($row, [38, undef, 0], 'is sent as a whole');
    $bed->run('tardis-provider', 'transfer', 'anew');
    is($bed->state($id), 'Ingested', 'the consumer begins anew');
    put_since($id);
    $bed->tick_until($id, 'Requested');
    send_now($bed);
    is(scalar(my @all = put_since($id)), 38, 'everything is sent');
    is($bed->tick_until($id, 'Complete'), 'Complete', 'and checked');
};

# The provider of the original app, in front of the files of ours: it does not know what it can do, and get/ takes what
# it knows.
subtest 'a provider that cannot' => sub {
    my ($uid, $id) = about_to_fail('cannot');
    $bed->tick_until($id, 'Complete');
    my @forms;
    my $original = FakeServer->new(tls => $bed, handler => sub {
        my ($request) = @_;
        return {status => 404, body => '<h1>Not Found</h1>'} if $request->{path} !~ m{/provider/(get|status)/};
        return {status => 200, body => '{"status": 1, "human_status": "Transfer Complete", "timestamp": 1.5,
            "message": "", "progress": ""}'} if $1 eq 'status';
        make_path("$store/$id/raw", "$store/$id/z");
        $bed->rewrite("$store/$id/$_", $files{$_}) for keys %files;
        return {status => 200, body => 'OK'};
    });
    my $key_file = $bed->dir . '/conf/original.key';
    Testbed::Files::put($key_file, 0600, "the-original-s-key\n");
    $bed->rewrite($bed->env('CONSUMER_CONF'),
        $bed->slurp($bed->env('CONSUMER_CONF')) . 'provider "' . $original->url . "\" { key_file = \"$key_file\" }\n");
    $bed->sql('consumer', 'UPDATE synced_experiment SET provider_url = ? WHERE experiment_id = ?', $original->url, $id);
    $bed->run('tardis-consumer', 'retry', $id);
    spoil("$id/raw/frame 01", "FRAME 1\n");
    is($bed->tick_until($id, 'Complete'), 'Complete', 'sends all, and all are checked');
    my ($get) = grep { $_->{path} =~ m{/get/$} } $original->requests;
    unlike($get->{body}, qr/file=|sending=/, 'it is asked as it knows');
    is(scalar $bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE experiment_id = ?
        AND text LIKE '37 of 37 files were checked, %'", $id), 2, 'twice in all');
};

done_testing;
