#!/usr/bin/perl
# Every state leads where the provider's answers say it should, with its history, and each experiment is
# stepped once a tick.

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
my %status = ('tardis.1' => 2);
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    return {status => 200, body => "OK\n"} if $request->{method} eq 'POST';
    my ($uid) = $request->{path} =~ m{/status/([^/]*)/};
    return answer(status => 2, progress => '1 of 2 files') if $uid eq 'tardis.1' && $status{$uid}++ < 4;
    return answer(status => 1) if $uid eq 'tardis.1' || $uid eq 'tardis.2';
    return answer(status => 3, message => 'the tape robot is on strike', code => 'io_error')
        if $uid eq 'tardis.3';
    return answer(status => 4, error => 'invalid UID: tardis.4') if $uid eq 'tardis.4';
    return {status => 200, body => '{"status": 2}'} if $uid eq 'tardis.6';
    return answer(status => 5);
});
add_provider($bed, $fake->url, KEY);

subtest 'from Ingested to Complete, one state a tick' => sub {
    my $files = {'raw/a.dat' => 'alpha', 'raw/b c "d".dat' => '', "raw/\x{c3}\x{a4}.dat" => 'umlaut'};
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.1', files => $files);
    put_files($bed, $id, $files);
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick succeeds');
    like($out, qr/^tick: 1 stepped, 1 moved on, 0 complete, 0 failed, 0 waiting, 0 errors in [\d.]+ s\n\z/,
        'it sums up');
    is($err, '', 'nothing to complain of');
    is(state($bed, $id), 'Requested', 'it is requested after one tick');
    my ($request) = $fake->requests;
    is($request->{method} . ' ' . $request->{path}, 'POST /apps/sync/provider/get/', 'get/ was asked');
    is($request->{headers}{x_mytardis_key}, KEY, 'with the key');
    is($request->{headers}{'content-type'}, 'application/x-www-form-urlencoded', 'as a form');
    my %form = map { map { s/%(..)/chr hex $1/ger } split /=/, $_, 2 } split /&/, $request->{body};
    my $settings = $bed->env('SITE_SETTINGS_URL');
    is_deeply(\%form, {uid => 'tardis.1', dest_path => $id, site_settings_url => $settings},
        'the form has its three fields');

    tick($bed);
    is(state($bed, $id), 'InProgress', 'it is in progress after two');
    my ($out2) = (tick($bed))[1];
    like($out2, qr/^tick: 0 stepped/, 'it is not asked about again before the poll interval is over');
    is(scalar $fake->requests, 2, 'no request was made');
    my $moved = row($bed, $id, 'moved_at');
    ($status, $out) = tick($bed, '--now');
    like($out, qr/^tick: 1 stepped, 0 moved on, 0 complete, 0 failed, 1 waiting/, '--now asks all the same');
    is(row($bed, $id, 'moved_at'), $moved, 'the same progress is no movement');
    tick($bed, '--only', $id);
    is(state($bed, $id), 'CheckingIntegrity', 'the provider is done');
    tick($bed);
    is(state($bed, $id), 'Complete', 'every file is as promised');
    is(row($bed, $id, 'next_attempt_at'), undef, 'nothing is left to do');
    is(row($bed, $id, 'lease_owner'), undef, 'nobody holds it');
    is_deeply([events($bed, $id)], ['request - - -', 'answer - - -', 'transition Ingested Requested -',
        'answer - - -', 'transition Requested InProgress -', 'answer - - -',
        'transition InProgress CheckingIntegrity -', 'transition - - -',
            'transition CheckingIntegrity Complete -'],
        'the history tells each step');
    my @texts = map { $_->[0] } $bed->sql('consumer', "SELECT text FROM synced_event
        WHERE experiment_id = ? AND kind IN ('request', 'answer') ORDER BY id", $id);
    is_deeply(\@texts, ['POST ' . $fake->url . "/apps/sync/provider/get/ uid=tardis.1 dest_path=$id"
        . " site_settings_url=$settings", '200 OK',
        'the provider says: Transfer In Progress; 1 of 2 files', 'the provider says: Transfer Complete'],
        'what was asked of whom, and how it was answered');
};

subtest 'a transfer that was already complete goes straight to the check' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.2', state => 'Requested');
    tick($bed);
    is(state($bed, $id), 'CheckingIntegrity');
    settle($bed);
};

subtest 'status 3 is the end, with the provider\'s words' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.3', state => 'InProgress');
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick itself succeeds');
    like($out, qr/0 complete, 1 failed/, 'it counts it');
    my $words = qr/the tape robot is on strike \[io_error\] \[transfer_failed\]/;
    like($err, qr/uid tardis\.3: .*$words; it is now FailPermanent/,
        'one line names the cause');
    is(state($bed, $id), 'FailPermanent');
    is(row($bed, $id, 'error_code'), 'transfer_failed', 'typed');
    like(row($bed, $id, 'error_text'), qr/the tape robot is on strike/, 'quoted');
    is((events($bed, $id))[-1], 'transition InProgress FailPermanent transfer_failed', 'in the history');
};

subtest 'status 4 and 5 are tried again, until the deadline' => sub {
    my %code = ('tardis.4' => 'transfer_bad_request', 'tardis.5' => 'transfer_server_error');
    for my $uid (sort keys %code) {
        my $id = follow($bed, provider => $fake->url, uid => $uid, state => 'Requested');
        my ($status, $out) = tick($bed);
        like($out, qr/0 failed, 0 waiting, 1 error /, "$uid: an error, not a failure");
        is(state($bed, $id), 'Requested', 'it stays');
        my ($attempts, $wait) = row($bed, $id, 'attempts',
            'TIMESTAMPDIFF(MICROSECOND, updated_at, next_attempt_at) / 1e6');
        is($attempts, 1, 'one attempt');
        cmp_ok($wait, '>=', 1, 'it waits at least retry_minimum');
        cmp_ok($wait, '<=', 2, 'and at most retry_maximum');
        change($bed, $id, 'state_since = state_since - INTERVAL 8 DAY,
            moved_at = moved_at - INTERVAL 8 DAY');
        tick($bed, '--only', $id);
        is(state($bed, $id), 'Requested', 'a week without ticks does not end it at the second attempt');
        tick($bed, '--only', $id);
        is(state($bed, $id), 'FailPermanent', 'past the deadline it is given up');
        is(row($bed, $id, 'error_code'), $code{$uid}, 'with the cause');
        like(row($bed, $id, 'error_text'), qr/^given up after 3 failed attempts since /,
            'and how often it was tried');
    }
};

subtest 'a transfer that never moves ends at the deadline' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.6', state => 'InProgress');
    tick($bed);
    is(state($bed, $id), 'InProgress', 'the shortest document of the original is understood');
    change($bed, $id, 'moved_at = moved_at - INTERVAL 8 DAY');
    tick($bed, '--only', $id);
    is(state($bed, $id), 'FailPermanent');
    is(row($bed, $id, 'error_code'), 'deadline_exceeded');
};

subtest 'rows that nobody should have written do not stop the others' => sub {
    my $strange = follow($bed, provider => $fake->url, uid => 'tardis.70', state => 'Transcendent');
    follow($bed, provider => $fake->url . '/x', uid => 'tardis.7', state => 'InProgress');
    my $garbled = follow($bed, provider => $fake->url, uid => 'tardis.71', state => 'InProgress');
    my $good = follow($bed, provider => $fake->url, uid => 'tardis.72');
    change($bed, $garbled, "status_document = '{\"status\": '");
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick succeeds');
    is(state($bed, $good), 'Requested', 'the others go on');
    is(state($bed, $strange), 'Transcendent', 'the row is left as it is');
    my @lines = $err =~ /^(.*"Transcendent" is no state.*)$/mg;
    is(@lines, 1, 'one line reports it');
    like($err, qr/tardis\.7: .*no provider section for .*\[provider_unknown\]/,
        'a provider that is not configured is named');
    cmp_ok(row($bed, $strange, 'TIMESTAMPDIFF(SECOND, updated_at, next_attempt_at)'), '>=', 2,
        'and it does not come back before retry_maximum');
    my ($shown, $page) = $bed->run('tardis-consumer', 'show', $garbled);
    is($shown, 0, 'broken JSON can be shown');
    settle($bed);
};

subtest '--only steps what is not due' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.80', state => 'Requested', due => 1000);
    my ($status, $out) = tick($bed);
    like($out, qr/^tick: 0 stepped/, 'not due');
    ($status, $out) = tick($bed, '--only', 'tardis.80');
    like($out, qr/^tick: 1 stepped/, '--only by uid steps it');
    ($status, $out) = tick($bed, '--only', 'tardis.nobody');
    is($status, 66, 'an unknown one is not found');
    ($status) = tick($bed, '--time-limit', 'soon');
    is($status, 64, 'a time limit is a number');
    settle($bed);
};

subtest '--quiet is silent unless something failed' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.90');
    my ($status, $out, $err) = tick($bed, '--quiet');
    is("$status$out$err", '0', 'nothing to say');
    $bed->sql('consumer', "DELETE FROM synced_experiment WHERE uid = 'tardis.3'");
    change($bed, $id, "uid = 'tardis.3'");
    ($status, $out, $err) = tick($bed, '--quiet');
    is($status, 0, 'a failed experiment is no failed tick');
    like($out, qr/^tick: 1 stepped, 0 moved on, 0 complete, 1 failed/, 'but something to say');
};

subtest 'a configuration that cannot work is refused' => sub {
    my %wrong = (store => '"relative"', site_settings_url => '"consumer.example"', retry_minimum => 4000,
        smtp_url => '"localhost"', mail_from => '"nobody"', mail_administrators => '{"a@b", "eve@b\\nBcc: c@d"}');
    my $conf = $bed->slurp($bed->env('CONSUMER_CONF'));
    my %right = map { $_ => $conf =~ /^$_ = (.*)$/m ? $1 : undef } keys %wrong;
    for my $option (sort keys %wrong) {
        $bed->set_option('consumer', $option, $wrong{$option});
        my ($status, $out, $err) = tick($bed);
        is($status, 78, "$option = $wrong{$option}");
        like($err, qr/consumer\.conf:\d+: $option .*\[config_invalid\]/, 'is named with file and line');
        $bed->set_option('consumer', $option, $right{$option});
    }
    is((tick($bed))[0], 0, 'and works once it is mended');
};

done_testing;
