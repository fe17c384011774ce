#!/usr/bin/perl
# providers tells of each provider whether it is asked, and if not why not and until when; --try has it tried now.

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
my $dead = $bed->dir . '/dead';
my $fake = FakeServer->new(parallel => 1, handler => sub {
    return {close => 1} if -e $dead;
    return $_[0]{method} eq 'POST' ? {status => 200, body => 'OK'} : answer(status => 2);
});
my $url = $fake->url;
my $other = 'https://other.example';

sub providers {
    my (@options) = @_;
    my ($status, $out, $err) = $bed->run('tardis-consumer', 'providers', @options);
    is($status, 0, "providers @options") or diag $err;
    return $out;
}
sub line_of { my ($which, $out) = @_; return (grep { /^\Q$which\E / } split /\n/, $out // providers())[0] }
sub state_of { return (split ' ', line_of(@_))[1] }
sub json_of { my ($which) = @_; return (grep { $_->{provider_url} eq $which } @{decode_json(providers('--json'))})[0] }
sub metrics {
    my ($status, $out) = $bed->run('tardis-consumer', 'metrics');
    my %of = $out =~ /^tardis_consumer_provider_(\w+)\{provider="\Q$url\E"\} ([0-9.]+)$/mg;
    cmp_ok($of{last_answer_age_seconds}, '>=', 0, 'it has answered before');
    return @of{qw(left_alone failures)};
}
sub make_dead { open(my $out, '>', $dead) or die "$dead: $!\n"; return }
sub set { my ($column, $value) = @_;
    $bed->sql('consumer', "UPDATE provider_health SET $column = $value WHERE provider_url = ?", $url); return }

subtest 'nothing has been asked' => sub {
    my $out = providers();
    like($out, qr/^PROVIDER +STATE +LEFT UNTIL +FAILING SINCE +FAILURES +LAST ANSWER +PENDING +FAILED +ERROR\n/, 'a table');
    my $real = $bed->env('PROVIDER_URL');
    like(line_of($real, $out), qr/^\Q$real\E  +asked  +-  +-  +0  +-  +0  +0  +-$/, 'with what is configured');
    is(json_of($real)->{last_answer_at}, undef, 'and as JSON');
    unlike($out, qr/\n\n/, 'and no trouble');
};

subtest 'without a key, without a section' => sub {
    add_provider($bed, $url, undef);
    follow($bed, provider => $other);
    is(state_of($url), 'no-key', 'no key');
    is(state_of($other), 'no-section', 'no section');
    my $out = providers();
    like($out, qr/^\Q$url\E\n  It is not asked: its section has no key_file\.$/m, 'which is told');
    like($out, qr/^\Q$other\E\n  It is not asked: no section of the configuration has its key\.$/m, 'as is this');
    my ($one, $two) = map { json_of($_) } $url, $other;
    is_deeply([map { $_ ? 1 : 0 } @$one{qw(configured key_readable)}, @$two{qw(configured key_readable)}], [1, 0, 0, 0],
        'as JSON, too');
    like($one->{key_problem}, qr/no key_file/, 'with the problem');
    my @urls = map { /^(\S+)/ } grep { /^http/ && / / } split /\n/, $out;
    is_deeply(\@urls, [sort @urls], 'in the order of the URLs');
    my $conf = $bed->env('CONSUMER_CONF');
    $bed->rewrite($conf, $bed->slurp($conf) =~ s/^provider "\Q$url\E" \{\n\}\n//mr);
    add_provider($bed, $url, KEY);
};

my @ids;
subtest 'one that answers, and one that fails' => sub {
    @ids = map { follow($bed, provider => $url) } 1 .. 5;
    my $failed = follow($bed, provider => $url, state => 'FailPermanent');
    tick($bed, '--only', $ids[0]);
    like(line_of($url), qr/^\S+  +asked  +-  +-  +0  +\d{4}-\S+Z  +5  +1  +-$/, 'it answered, and this is to be done');
    like(json_of($url)->{last_answer_at}, qr/^\d{4}-/, 'as JSON, too');
    make_dead();
    tick($bed, '--only', $ids[1]);
    my $out = providers();
    like(line_of($url, $out), qr/^\S+  +failing  +-  +\d{4}-\S+Z  +1  +\d{4}-\S+Z  +5  +1  +provider_unreachable$/,
        'it failed');
    like($out, qr/^\Q$url\E\n  http.*?\[provider_unreachable\]\n  Check that the provider's host/ms, 'with what to do');
    unlike($out, qr/--try/, 'there is nothing to be tried');
    my ($status, undef, $err) = $bed->run('tardis-consumer', 'providers', '--try', $url);
    is($status, 1, 'and --try says so');
    like($err, qr/is not left alone \[conflict\]/, 'with the reason');
};

subtest 'left alone, and tried' => sub {
    tick($bed);
    my $out = providers();
    like(line_of($url, $out), qr/^\S+  +left-alone  +\d{4}-\S+Z  +\d{4}-\S+Z  +\d+ /, 'it is left alone, until when');
    like($out, qr/^  To try it now: tardis-consumer --config \S+ providers --try \Q$url\E$/m, 'and how to end that');
    my $json = json_of($url);
    is($json->{times_left_alone}, 1, 'how often');
    is($json->{error}{code}, 'provider_unreachable', 'why');
    like($json->{error}{advice}, qr/host name resolves/, 'what to do');
    is_deeply([metrics()], [1, $json->{failures}], 'the metrics tell, too');
    set('trial_until', 'UTC_TIMESTAMP(6) + INTERVAL 100 SECOND');
    set('trial_owner', "'tick.uni.example:1:2'");
    is(state_of($url), 'being-tried', 'somebody tries it');
    is(json_of($url)->{tried_by}, 'tick.uni.example:1:2', 'who');
    set('trial_until', 'UTC_TIMESTAMP(6)');
    set('left_until', 'UTC_TIMESTAMP(6)');
    is(state_of($url), 'tried-next', 'nobody does, but its time is over');
    is(json_of($url)->{tried_by}, undef, 'nobody');
    set('left_until', 'UTC_TIMESTAMP(6) + INTERVAL 1000 SECOND');
    my $asked = $fake->requests;
    tick($bed);
    is(scalar $fake->requests, $asked, 'a tick does not ask it');
    my ($status, undef, $err) = $bed->run('tardis-consumer', 'providers', '--try', $url, '--json');
    is($status, 64, '--try prints no JSON');
    like(providers('--try', "$url/"), qr/^provider \Q$url\E is tried by the next tick$/, 'told to try it');
    is(state_of($url), 'tried-next', 'it will be');
    tick($bed);
    is(scalar $fake->requests, $asked + 1, 'the next tick tries it with one request');
    is(state_of($url), 'left-alone', 'in vain');
    is(json_of($url)->{times_left_alone}, 2, 'so it is left alone again');
    unlink $dead;
    providers('--try', $url);
    tick($bed);
    like(line_of($url), qr/^\S+  +asked  +-  +-  +0  +\d{4}-\S+Z  +5  +1  +-$/, 'it answers again');
    is((grep { row($bed, $_, 'next_attempt_at > UTC_TIMESTAMP(6)
        AND error_text LIKE \'not asked%\'') } @ids), 0, 'and what was put off goes on');
    is_deeply([metrics()], [0, 0], 'the metrics tell');
};

subtest 'held' => sub {
    $bed->run('tardis-consumer', 'hold', '--provider', $url, '--reason', 'tape robot');
    my $out = providers();
    is(state_of($url, $out), 'held', 'it is held');
    like($out, qr/^\Q$url\E\n  \S+ holds it since \S+: tape robot$/m, 'with the reason');
    is(json_of($url)->{hold}{reason}, 'tape robot', 'as JSON, too');
    $bed->run('tardis-consumer', 'release', '--provider', $url);
    is(state_of($url), 'asked', 'released');
};

done_testing;
