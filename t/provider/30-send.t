#!/usr/bin/env perl
# send: what was asked for arrives, by each method, once however many sends run, and the site is notified.

use strict;
use warnings;
use Encode qw(encode_utf8);
use FakeServer;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;
$bed->expect_log(qr{no experiment with this uid was registered here}); # notified of what was never registered

my %files = (
    'top.txt' => "beside\n",
    'raw/empty' => '',
    'raw/with space.tif' => \300_000,
    encode_utf8("raw/\x{e9}t\x{e9} \x{2603}") => 'snow',
    q{raw/quo"te's & #1? 100%} => 'quotes',
    'raw/deep/er/and/deeper/file' => 'deep',
    (map { ("many/$_.dat" => "content of $_") } 1 .. 1200),
);

sub same_trees {
    my ($name, $dest_path, $message) = @_;
    my ($status, $out) = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . "/$name",
        $bed->env('CONSUMER_STORE') . "/$dest_path");
    is("$status$out", '0', $message);
}

subtest 'nothing to do' => sub {
    my ($status, $out, $err) = $bed->run('tardis-provider', 'send');
    is($status, 0, 'is no error') or diag $err;
    like($out, qr/\Asend: 0 registered, .*\n\z/, 'one summary line');
    ($status, $out, $err) = $bed->run('tardis-provider', 'send', '--quiet');
    is("$status$out$err", '0', 'with --quiet, none');
};

subtest 'by WebDAV' => sub {
    my $uid = $bed->import_experiment('dav', \%files);
    $bed->run('tardis-provider', 'transfer', $uid);
    ask_for($bed, $uid, 'below/1');
    my $said = send_now($bed);
    like($said, qr/transfers: 1 complete, 0 failed.*; 1206 files/, 'the summary says so');
    same_trees('dav', 'below/1', 'both trees are the same');
    my $transfer = transfer_of($bed, $uid);
    is_deeply([@{$transfer}{qw(state sent_through files_done bytes_done notify_pending lease_owner)}],
        ['Complete', 1206, 1206, $transfer->{bytes_total}, 0, undef], 'the row says so');
    is_deeply([map { s/:.*//r } grep { /->/ && !/Pending/ } events_of($bed, $uid)],
        ['- -> Queued', 'Queued -> Sending', 'Sending -> Complete'], 'the history has each step');
    is((events_of($bed, $uid))[-1], 'the site was notified', 'and the notification');
    is(scalar $bed->sql('consumer', q{SELECT COUNT(*) FROM synced_event WHERE kind = 'notify'}), 1,
        'the consumer got it');

    like(send_now($bed), qr/0 complete.*; 0 files/, 'another send finds nothing to do');
    ask_for($bed, $uid, 'below/1');
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'a repeat of get starts nothing before the site knows');
    $bed->provider('GET', "status/$uid/");
    ask_for($bed, $uid, 'below/1');
    is(transfer_of($bed, $uid)->{state}, 'Queued', 'but does afterwards');
    send_now($bed);
    same_trees('dav', 'below/1', 'sent over what was there, it is the same');
};

subtest 'to a mounted directory' => sub {
    site_wants($bed, type => 'file', serversite => $bed->env('CONSUMER_STORE'));
    my $uid = $bed->import_experiment('mounted', \%files);
    ask_for($bed, $uid, '2');
    like(send_now($bed, '--parallel', 3), qr/1 complete.*; 1206 files/, 'complete');
    same_trees('mounted', '2', 'both trees are the same');
    is((events_of($bed, $uid))[-1], 'the site takes no notifications (it answered 404)',
        'of an unknown uid it is not told twice');
};

subtest 'three sends at once' => sub {
    my $dav = fake_dav();
    site_wants($bed, type => 'webdav', sl => $dav->url, serversite => '/dav');
    my @uids = map { $bed->import_experiment("at-once-$_", {map { ("d/$_" => "file $_") } 1 .. 40}) } 1 .. 6;
    ask_for($bed, $uids[$_], "at-once-$_") for 0 .. 5;
    my @pids = map { $bed->start('tardis-provider', 'send') } 1 .. 3;
    is_deeply([map { waitpid($_, 0); $? } @pids], [0, 0, 0], 'all end well');
    is_deeply([map { transfer_of($bed, $_)->{state} } @uids], [('Complete') x 6],
        'every transfer is complete');
    my %put;
    $put{$_->{path}}++ for grep { $_->{method} eq 'PUT' } $dav->requests;
    is(scalar keys %put, 240, 'every file was sent');
    is_deeply([grep { $put{$_} > 1 } keys %put], [], 'none of them twice');
    is_deeply([map { scalar grep { /^Queued -> Sending/ } events_of($bed, $_) } @uids], [(1) x 6],
        'each was taken once');
};

subtest 'a time limit' => sub {
    my $slow = FakeServer->new(parallel => 1, handler => sub {
        return {status => 201, delay => $_[0]{method} eq 'PUT' ? 0.4 : 0};
    });
    site_wants($bed, sl => $slow->url);
    my $uid = $bed->import_experiment('limited', {map { ("d/$_" => "file $_") } 10 .. 29});
    ask_for($bed, $uid, 'limited');
    my ($status, $out) = $bed->run('tardis-provider', 'send', '--time-limit', 1, '--parallel', 2);
    is($status, 0, 'is no error');
    like($out, qr/1 to be continued/, 'said so');
    my $transfer = transfer_of($bed, $uid);
    is($transfer->{state}, 'Sending', 'it is still being sent');
    is($transfer->{lease_owner}, undef, 'by nobody');
    cmp_ok($transfer->{sent_through}, '>', 0, 'something has arrived');
    cmp_ok($transfer->{sent_through}, '<', 20, 'not everything');
    my $through = $transfer->{sent_through};
    send_now($bed);
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'the next one ends it');
    my %put;
    $put{$_->{path}}++ for grep { $_->{method} eq 'PUT' } $slow->requests;
    is_deeply([sort { $a <=> $b } values %put], [(1) x 20], 'nothing was sent twice');
    is(scalar(grep { /Queued -> Sending/ } events_of($bed, $uid)), 1, 'the pause is no event');
};

subtest 'the notification' => sub {
    my $settings = $bed->slurp($bed->env('SITE_SETTINGS_FILE'));
    my $dav = fake_dav();
    my %case = (
        'a consumer without the view' => [sub { {status => 405} }, 1, qr/takes no notifications/],
        'a consumer that fails' => [sub { {status => 500} }, 5, qr/could not be notified.*500/],
        'a wrong password' => [sub { {status => 403} }, 1, qr/could not be notified.*403/],
    );
    for my $name (sort keys %case) {
        my ($handler, $tries, $said) = @{$case{$name}};
        my $consumer = FakeServer->new(handler => $handler);
        $bed->rewrite($bed->env('SITE_SETTINGS_FILE'),
            $settings =~ s{<url>[^<]*</url>}{<url>${\$consumer->url}/experiment/register/</url>}r);
        site_wants($bed, sl => $dav->url);
        my $uid = $bed->import_experiment("notify $name", {'a/b' => 'c'});
        ask_for($bed, $uid, 'n');
        send_now($bed) for 1 .. 7;
        my $transfer = transfer_of($bed, $uid);
        is($transfer->{state}, 'Complete', "$name: the transfer is complete all the same");
        is($transfer->{notify_pending}, 0, "$name: nothing is owed any more");
        is(scalar $consumer->requests, $tries, "$name: tried $tries times");
        like((events_of($bed, $uid))[-1], $said, "$name: in the history");
        my ($request) = $consumer->requests;
        is($request->{path}, "/apps/sync/consumer/notify_experiment/$uid/", "$name: the path");
        like($request->{body}, qr/username=register&password=/, "$name: the credentials");
    }
};

done_testing;
