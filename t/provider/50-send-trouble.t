#!/usr/bin/env perl
# send: what cannot be sent is said, kept, and tried again if that may help; nothing changed arrives as good.

use strict;
use warnings;
use FakeServer;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;
$bed->expect_log(qr{no experiment with this uid was registered here}); # notified of what was never registered
my $store = $bed->env('CONSUMER_STORE');

sub import_and_ask {
    my ($name, $files) = @_;
    my $uid = $bed->import_experiment($name, $files);
    ask_for($bed, $uid, $name);
    return $uid;
}

for my $type ('webdav', 'file') {
    subtest "a source that is not as imported, by $type" => sub {
        site_wants($bed, type => 'file', serversite => $store) if $type eq 'file';
        my %harm = (
            rewritten => sub { $bed->rewrite("$_[0]/d/b", 'other content!') },
            longer => sub { $bed->rewrite("$_[0]/d/b", 'content of b and more') },
            shorter => sub { $bed->rewrite("$_[0]/d/b", 'content') },
            emptied => sub { $bed->rewrite("$_[0]/d/b", '') },
            missing => sub { unlink "$_[0]/d/b" },
            linked => sub { unlink "$_[0]/d/b"; symlink '/etc/passwd', "$_[0]/d/b" },
        );
        for my $how (sort keys %harm) {
            my $name = "$type-$how";
            my $uid = import_and_ask($name, {'d/a' => 'content of a', 'd/b' => 'content of b',
                'd/c' => 'content of c'});
            $harm{$how}->($bed->env('PROVIDER_STORE') . "/$name");
            like(send_now($bed), qr/1 failed/, "$how: the transfer fails");
            my $transfer = transfer_of($bed, $uid);
            is($transfer->{state}, 'Failed', "$how: it is Failed");
            like($transfer->{error_text}, qr{d/b}, "$how: the file is named");
            like($transfer->{error_code}, qr/^(?:source_changed|file_missing|file_not_regular)$/,
                "$how: typed");
            ok(!-e "$store/$name/d/b", "$how: it did not arrive");
            like($bed->provider('GET', "status/$uid/")->{content}, qr{"status": 3.*d/b},
                "$how: the consumer is told");
            unlink $bed->env('PROVIDER_STORE') . "/$name/d/b";
            $bed->rewrite($bed->env('PROVIDER_STORE') . "/$name/d/b", 'content of b');
            like(send_now($bed), qr/0 complete/, "$how: it is not tried again by itself");
            is(($bed->run('tardis-provider', 'retry', $uid))[0], 0, "$how: but by hand");
            send_now($bed);
            is(transfer_of($bed, $uid)->{state}, 'Complete', "$how: mended, it completes");
            is($bed->slurp("$store/$name/d/b"), 'content of b', "$how: with the right content");
        }
    };
}

subtest 'the source directory is gone' => sub {
    my $uid = import_and_ask('unmounted', {'d/a' => 'a'});
    my $top = $bed->env('PROVIDER_STORE') . '/unmounted';
    rename $top, "$top.away" or die;
    like(send_now($bed), qr/1 to be tried again/, 'it may come back');
    rename "$top.away", $top or die;
    send_now($bed);
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'and then goes on');
};

subtest 'a destination that refuses' => sub {
    my %case = (
        507 => ['Queued', 'destination_full'],
        500 => ['Queued', 'destination_error'],
        403 => ['Failed', 'destination_refused'],
        401 => ['Failed', 'destination_refused'],
    );
    for my $status (sort keys %case) {
        my ($state, $code) = @{$case{$status}};
        my $dav = fake_dav(PUT => $status);
        site_wants($bed, type => 'webdav', sl => $dav->url, serversite => '/dav');
        my $uid = import_and_ask("answer-$status", {map { ("d/$_" => "file $_") } 10 .. 29});
        send_now($bed);
        my $transfer = transfer_of($bed, $uid);
        is_deeply([@{$transfer}{qw(state error_code attempts)}], [$state, $code, 1],
            "$status: $state, $code");
        is($transfer->{files_done}, 0, "$status: nothing counts as sent");
        $dav->stop;
        my $good = fake_dav();
        site_wants($bed, sl => $good->url);
        $bed->run('tardis-provider', 'retry', $uid);
        send_now($bed);
        is(transfer_of($bed, $uid)->{state}, 'Complete', "$status: once that is mended, it completes");
    }
};

subtest 'a serversite that does not exist' => sub {
    my $dav = fake_dav(MKCOL => 409);
    site_wants($bed, type => 'webdav', sl => $dav->url, serversite => '/nowhere');
    my $uid = import_and_ask('nowhere', {map { ("d$_/a" => "file $_") } 100 .. 399});
    like(send_now($bed, '--parallel', 4), qr/MKCOL of \S+: \S+ answered with HTTP status 409 \[destination_error\]/,
        'is told by what it answered');
    cmp_ok(scalar(grep { $_->{method} eq 'MKCOL' } $dav->requests), '<=', 8, 'after the first files, not after all');
    is(scalar(grep { $_->{method} eq 'PUT' } $dav->requests), 0, 'and nothing is sent');
};

subtest 'tried again, and in the end given up' => sub {
    $bed->set_option('provider', 'retry_limit', 3);
    my $dav = fake_dav(PUT => 507);
    site_wants($bed, sl => $dav->url);
    my $uid = import_and_ask('limit', {'d/a' => 'a'});
    my @states = map { send_now($bed, '--time-limit', 1); transfer_of($bed, $uid)->{state} } 1 .. 3;
    is($states[-1], 'Failed', 'after three attempts it is Failed');
    my @attempts = grep { /Sending -> Queued: attempt/ } events_of($bed, $uid);
    is(scalar @attempts, 2, 'two were followed by another');
    like($attempts[0], qr/attempt 1, tried again in \d+ s: .*d\/a/, 'the history says when and why');
    like((events_of($bed, $uid))[-1], qr/Sending -> Failed: .*d\/a/, 'and that it was given up');
    $bed->set_option('provider', 'retry_limit', 20);
};

subtest 'a site that cannot be asked' => sub {
    my $uid = import_and_ask('unasked', {'d/a' => 'a'});
    $bed->stop_httpd('consumer');
    like(send_now($bed), qr/1 to be tried again/, 'is asked again later');
    is(transfer_of($bed, $uid)->{error_code}, 'consumer_unreachable', 'typed');
    $bed->start_httpd('consumer');
    site_wants($bed, type => 'carrier-pigeon');
    send_now($bed);
    is_deeply([@{transfer_of($bed, $uid)}{qw(state error_code)}], ['Failed', 'transfer_type_unknown'],
        'a type there is no method for fails it');
    $bed->rewrite($bed->env('SITES_FILE'), '<sites/>');
    $bed->run('tardis-provider', 'retry', $uid);
    my ($status) = $bed->run('tardis-provider', 'send');
    is($status, 0, 'a registry without the site is no error of send');
    like(transfer_of($bed, $uid)->{error_code}, qr/^(?:site_unknown|registry_invalid)$/,
        'but of the transfer');
};

subtest 'list, show and their JSON' => sub {
    my ($status, $out) = $bed->run('tardis-provider', 'list', '--state', 'Failed');
    like($out, qr/^tardis\.\d+ .*Failed/m, 'failed ones are listed');
    unlike($out, qr/Complete/, 'and no others');
    is(($bed->run('tardis-provider', 'list', '--state', 'Nonsense'))[0], 64, 'a state that there is not');
    require JSON::PP;
    ($status, $out) = $bed->run('tardis-provider', 'list', '--json');
    my $list = JSON::PP::decode_json($out);
    my ($line) = grep { $_->{state} eq 'Failed' } @$list;
    ($status, $out) = $bed->run('tardis-provider', 'show', $line->{uid}, '--json');
    my $page = JSON::PP::decode_json($out);
    is($page->{transfers}[0]{state}, 'Failed', 'show has the transfer');
    is($page->{transfers}[0]{error}, $line->{error}, 'with the error of the list');
    ok(scalar @{$page->{events}}, 'and the history');
    ($status, $out) = $bed->run('tardis-provider', 'show', $line->{uid});
    like($out, qr/^uid\s+\Q$line->{uid}\E$/m, 'also for people');
    like($out, qr/Sending -> Failed.*\[$line->{error}\]/, 'with the history');
};

done_testing;
