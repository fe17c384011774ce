#!/usr/bin/perl
# A provider that is down, slow or talks nonsense: each has its typed error, passing troubles are tried again,
# lasting ones end the transfer once they are met three times, one line names the cause, and the key goes
# nowhere else.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use IO::Socket::INET;
use Test::More;
use Testbed;

my $bed = Testbed->new;
$bed->set_option('consumer', 'total_timeout', 4);
$bed->set_option('consumer', 'stall_timeout', 2);
$bed->set_option('consumer', 'retry_minimum', 1);
$bed->set_option('consumer', 'retry_maximum', 100);

my $elsewhere = FakeServer->new(handler => sub { return {status => 200, body => 'OK'} });
my %answers = (
    html => {status => 200, headers => {'Content-Type' => 'text/html'},
        body => "<html>\n<h1>Wartung \xe4</h1>\x1b[2J\n</html>"},
    broken => {status => 200, body => '{"status": 2, "mess'},
    nine => {status => 200, body => '{"status": 9}'},
    empty => {status => 200, body => ''},
    created => {status => 201, body => 'OK'},
    refusal => {status => 200, body => 'Transfer error for experiment refusal.Ingested: no route to the store'},
    fine => answer(status => 2, progress => '1 of 2 files'),
    large => {status => 200, body => '{', stream => 2 ** 31},
    slow => {status => 200, body => 'OK', delay => 30},
    silent => {close => 1},
    redirect => {status => 302, headers => {Location => $elsewhere->url . '/stolen'}},
    moved => {status => 301, headers => {Location => $elsewhere->url . '/stolen'}, body => 'moved'},
    forbidden => {status => 403},
    missing => {status => 404, body => 'no such experiment'},
    https => {status => 404, body => 'Use HTTPS'},
    bad => {status => 400, body => "site_settings_url is not registered [site_unknown]\n"},
    teapot => {status => 418, body => 'short and stout'},
    error => {status => 500, body => 'boom', headers => {'Retry-After' => 60}},
    busy => {status => 503, headers => {'Retry-After' => 50}},
    many => {status => 429, headers => {'Retry-After' => 100000}},
);
my $fake = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    my ($what) = "$request->{path} $request->{body}" =~ m{(?:/status/|uid=)([a-z]+)\.};
    return $answers{$what};
});
add_provider($bed, $fake->url, KEY);

# ($what, $state, $code, $lasting, $text): what becomes of an experiment that gets this answer in this state.
sub gets {
    my ($what, $state, $code, $lasting, $text) = @_;
    my $id = follow($bed, provider => $fake->url, uid => "$what.$state", state => $state);
    my ($status, $out, $err) = tick($bed);
    is($status, 0, "$what in $state: the tick itself succeeds");
    my ($now, $found, $error, $attempts) = row($bed, $id, qw(state error_code error_text attempts));
    is($found, $code, "$what in $state is $code");
    is($now, $state, 'and tried again');
    is($attempts, 1, 'one attempt failed');
    like($error, $text, 'the text tells it');
    unlike($error, qr/[^\x20-\x7e]/, 'as one clean line');
    my @lines = grep { /\Q$what.$state\E/ } split /\n/, $err;
    is(@lines, 1, 'one line of the log names it');
    like($lines[0], qr/\[\Q$code\E\]; \w/, 'and says what happens next');
    unlike("$out$err$error", qr/@{[KEY]}/, 'nobody sees the key');
    is(row($bed, $id, 'lease_owner'), undef, 'it is free again');
    my $wait = row($bed, $id, 'TIMESTAMPDIFF(SECOND, updated_at, next_attempt_at)');
    ends($id, $code) if $lasting;
    settle($bed);
    return $wait;
}

# ($id, $code): one bad minute of a provider is not the end, three such answers are.
sub ends {
    my ($id, $code) = @_;
    my $state = state($bed, $id);
    tick($bed, '--only', $id);
    is(state($bed, $id), $state, 'two such answers are not the end');
    tick($bed, '--only', $id);
    is(join(' ', row($bed, $id, qw(state error_code attempts))), "FailPermanent $code 3", 'the third one is');
    return;
}

my $url = quotemeta $fake->url;
subtest 'answers to get/' => sub {
    gets('html', 'Ingested', 'answer_malformed', 0,
        qr/^$url.* answers 200, not with OK but with "<html> <h1>Wartung/);
    gets('empty', 'Ingested', 'answer_malformed', 0, qr/not with OK but with ""/);
    gets('refusal', 'Ingested', 'provider_error', 0, qr/with "Transfer error for .*: no route to the store"/);
    gets('created', 'Ingested', 'answer_malformed', 0, qr/answers 201/);
    gets('large', 'Ingested', 'answer_too_large', 0, qr/./);
    gets('slow', 'Ingested', 'provider_timeout', 0, qr/./);
    gets('silent', 'Ingested', 'provider_unreachable', 0, qr/./);
    gets('redirect', 'Ingested', 'provider_redirect', 1,
        qr/answers 302, Location: \Q@{[$elsewhere->url]}\E\/stolen/);
    gets('forbidden', 'Ingested', 'key_refused', 1, qr/answers 403/);
    gets('missing', 'Ingested', 'uid_unknown', 1, qr/answers 404: no such experiment/);
    gets('https', 'Ingested', 'https_required', 1, qr/Use HTTPS/);
    gets('bad', 'Ingested', 'request_refused', 1, qr/answers 400: site_settings_url is not registered/);
    gets('teapot', 'Ingested', 'request_refused', 1, qr/answers 418: short and stout/);
};

subtest 'answers to status/' => sub {
    for my $state (qw(Requested InProgress)) {
        gets('html', $state, 'answer_malformed', 0, qr/<html>/);
        gets('broken', $state, 'answer_malformed', 0, qr/mess/);
        gets('nine', $state, 'answer_malformed', 0, qr/9/);
    }
    gets('large', 'InProgress', 'answer_too_large', 0, qr/./);
    gets('slow', 'InProgress', 'provider_timeout', 0, qr/./);
    gets('silent', 'InProgress', 'provider_unreachable', 0, qr/./);
    gets('moved', 'InProgress', 'provider_redirect', 1, qr/answers 301, Location: /);
    gets('forbidden', 'InProgress', 'key_refused', 1, qr/answers 403/);
    gets('https', 'Requested', 'https_required', 1, qr/Use HTTPS/);
    gets('missing', 'Requested', 'answer_malformed', 0, qr/answers 404/);
};

subtest 'Retry-After is honoured, within retry_maximum' => sub {
    my $wait = gets('error', 'Ingested', 'provider_error', 0, qr/answers 500: boom/);
    cmp_ok($wait, '>=', 59, 'at least as long as it asked for');
    $wait = gets('busy', 'InProgress', 'provider_error', 0, qr/answers 503/);
    cmp_ok($wait, '>=', 49, 'also 503');
    $wait = gets('many', 'InProgress', 'provider_error', 0, qr/answers 429/);
    cmp_ok($wait, '<=', 100, 'but no longer than retry_maximum');
    cmp_ok($wait, '>=', 99, 'and not shorter either');
};

subtest 'answers that leave no hope, for a minute' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'fickle.1', state => 'InProgress');
    for my $what (qw(redirect forbidden silent forbidden redirect fine)) {
        change($bed, $id, "uid = '$what.fickle'");
        tick($bed, '--only', $id);
        is(state($bed, $id), 'InProgress', "$what is not the end");
    }
    is(row($bed, $id, 'error_code'), undef, 'and all is well again');
    settle($bed);
};

is(scalar $elsewhere->requests, 0, 'the key never reached the host that was named in a redirect');

subtest 'a provider that is down, one without a key, one whose certificate nobody vouches for' => sub {
    my $port = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport;
    my $tls = FakeServer->new(tls => $bed, handler => sub { return {status => 200, body => 'OK'} });
    my $unreadable = 'http://127.0.0.1:7';
    my %code = ("http://127.0.0.1:$port" => 'provider_unreachable',
        'http://127.0.0.1:5' => 'provider_unknown', $unreadable => 'provider_unknown',
            'http://127.0.0.1:6' => 'provider_unknown');
    add_provider($bed, "http://127.0.0.1:$port/", KEY);
    add_provider($bed, 'http://127.0.0.1:6', undef);
    chmod 0644, add_provider($bed, $unreadable, 'secret-in-the-open');
    my %id = map { $_ => follow($bed, provider => $_) } sort keys %code;
    my $good = follow($bed, provider => $tls->url);
    add_provider($bed, $tls->url, KEY);
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick itself succeeds');
    is(row($bed, $id{$_}, 'error_code'), $code{$_}, "$_ is $code{$_}") for sort keys %code;
    is(state($bed, $id{$_}), 'Ingested', 'and passes') for sort keys %code;
    is(state($bed, $good), 'Requested', 'another provider is not troubled');
    like(row($bed, $id{$unreadable}, 'error_text'), qr/everybody may read or write it/,
        'a key in the open is not used');
    unlike("$out$err", qr/secret-in-the-open/, 'nor shown');
    settle($bed);
    my $authority = $bed->dir . '/other-authority.pem';
    system(qw(openssl req -x509 -batch -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes
        -subj /CN=Other), '-out', $authority, '-keyout', "$authority.key") == 0 or die "openssl failed\n";
    $bed->set_option('consumer', 'ca_file', "\"$authority\"");
    my $untrusted = follow($bed, provider => $tls->url);
    my $asked = $tls->requests;
    tick($bed);
    is(row($bed, $untrusted, 'error_code'), 'tls_failed', 'a certificate that nobody vouches for');
    is(scalar $tls->requests, $asked, 'and no request was made');
    $bed->set_option('consumer', 'ca_file', '"' . $bed->env('CA_FILE') . '"');
    settle($bed);
};

subtest 'a dead provider does not hold up the others' => sub {
    my @dead = map { follow($bed, provider => $fake->url, uid => "slow.$_") } 1 .. 20;
    my $live = FakeServer->new(handler => sub { return {status => 200, body => 'OK'} });
    add_provider($bed, $live->url, KEY);
    my @good = map { follow($bed, provider => $live->url) } 1 .. 20;
    my ($status, $out) = tick($bed, '--time-limit', 1);
    is($status, 0, 'the tick ends');
    is((grep { state($bed, $_) eq 'Requested' } @good), 20, 'the healthy provider was asked for everything');
    my $begun = grep { row($bed, $_, 'attempts') } @dead;
    is($begun, 8, 'of the slow one as many as may be in flight');
    my $free = grep { !defined row($bed, $_, 'lease_owner') && row($bed, $_,
        'next_attempt_at <= UTC_TIMESTAMP(6)') } @dead;
    is($free, 12, 'the others are due at once and nobody holds them');
    like($out, qr/^tick: 28 stepped, 20 moved on, 0 complete, 0 failed, 0 waiting, 8 errors/,
        'the summary counts what was stepped');
};

done_testing;
