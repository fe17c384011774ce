#!/usr/bin/env perl
# transfer: the sites of the owners are told, whatever the others do; what could not be told is told by send.

use strict;
use warnings;
use FakeServer;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $sites = $bed->slurp($bed->env('SITES_FILE'));
my $settings = $bed->slurp($bed->env('SITE_SETTINGS_FILE'));

# (name => url, ...): the registry has the testbed's site and these.
sub registry {
    my (%others) = @_;
    my $more = join('', map { "<site><name>$_</name><url>$others{$_}</url><username>u</username>"
        . '<password>p</password></site>' } sort keys %others);
    $bed->rewrite($bed->env('SITES_FILE'), $sites =~ s{</sites>}{$more</sites>}r);
}

# (ending, register URL): site settings.
sub settings_of {
    my ($ending, $url) = @_;
    return {body => "<site-settings><email-endswith>$ending</email-endswith><register><url>$url</url>"
        . '<username>r</username><password>s</password></register><transfer><type>webdav</type></transfer>'
        . '</site-settings>'};
}

# (ending, handler): a site whose settings name itself, with this ending of addresses; and its register.
sub fake_site {
    my ($ending, $register) = @_;
    my $fake;
    my $url;
    $fake = FakeServer->new(handler => sub {
        my ($request) = @_;
        $url = "http://$request->{headers}{host}";
        return $register->($request) if $request->{path} =~ /register/;
        return settings_of($ending, "$url/experiment/register/");
    });
    return $fake;
}

sub registrations {
    my ($uid) = @_;
    return map { "$_->[0] $_->[1] " . ($_->[2] // '-') } $bed->sql('provider',
        'SELECT site_name, state, error_code '
        . 'FROM registration WHERE experiment_id = ? ORDER BY site_name', $uid =~ s/.*\.//r);
}

subtest 'a matching site' => sub {
    my $uid = $bed->import_experiment('one', {'a/b' => 'c'}, '--epn', 'one', '--owner', 'Ada@UNI.example',
        '--owner', 'eve@elsewhere.example');
    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'one');
    is($status, 0, 'all were reached and accepted') or diag $err;
    my $consumer = $bed->env('CONSUMER_URL');
    like($out, qr{\ATestbed University: registered as \Q$consumer\E/experiment/view/1\n\z},
        'one line for the site');
    is_deeply([registrations($uid)], ['Testbed University Registered -'], 'recorded');
    is($bed->sql('consumer', 'SELECT uid FROM synced_experiment'), $uid, 'the consumer has it');
    is($bed->sql('consumer', 'SELECT provider_url FROM synced_experiment'), $bed->env('PROVIDER_URL'),
        'from this provider');
    is($bed->sql('consumer', 'SELECT GROUP_CONCAT(email ORDER BY number) FROM owner'),
        'Ada@UNI.example', 'with those of its owners that are the site\'s');
    ($status, $out) = $bed->run('tardis-provider', 'transfer', $uid);
    is($status, 0, 'again, by its uid');
    is(scalar $bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 1, 'makes no second experiment');
};

subtest 'no site matches' => sub {
    my $uid = $bed->import_experiment('two', {'a/b' => 'c'}, '--epn', 'two', '--owner',
        'eve@elsewhere.example');
    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'two');
    is($status, 1, 'exit status 1');
    is($out, '', 'no line');
    like($err, qr/no site's email-endswith matches eve\@elsewhere\.example/, 'says so');
    is_deeply([registrations($uid)], [], 'nothing is recorded');
    ($status, $out) = $bed->run('tardis-provider', 'transfer', 'two', '--site', 'Testbed University');
    is($status, 0, 'but a named site is told');
    is_deeply([registrations($uid)], ['Testbed University Registered -'], 'and that is recorded');
};

subtest 'several sites, each with a trouble of its own' => sub {
    my $uid = $bed->import_experiment('three', {'a/b' => 'c'}, '--epn', 'three');
    my $html = fake_site('@uni.example', sub { {status => 200, headers => {'Content-Type' => 'text/html'},
        body => '<html>'} });
    my $bad = fake_site('@uni.example', sub { {status => 400,
        body => "line 7: no investigation [document_invalid]\n"} });
    my $busy = fake_site('@uni.example', sub { {status => 503, headers => {'Retry-After' => 900},
        body => 'later'} });
    my $forbidding = fake_site('@uni.example', sub { {status => 403, body => ''} });
    my $other = fake_site('@other.example', sub { {status => 500} });
    my $broken = FakeServer->new(handler => sub { {body => '<site-settings><oops>'} });
    my $gone = FakeServer->new(handler => sub { {} });
    my $gone_url = $gone->url . '/';
    $gone->stop;
    registry('A html' => $html->url . '/', 'B bad' => $bad->url . '/', 'C busy' => $busy->url . '/',
        'D forbidding' => $forbidding->url . '/', 'E other' => $other->url . '/',
            'F broken' => $broken->url . '/',
        'G gone' => $gone_url);
    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'three');
    is($status, 1, 'not all were reached');
    like($out, qr/^Testbed University: registered as /m, 'the good site is registered all the same');
    like($out, qr/^A html: refused: .*200 without .*\[registration_refused\]/m, 'a form shown again');
    like($out, qr/^B bad: refused: .*400: line 7: no investigation .*\[registration_refused\]/m,
        'the reason is passed on');
    like($out, qr/^C busy: not reached: .*503.*\[consumer_error\]; `send` tries again/m,
        'a site that will be back');
    like($out, qr/^D forbidding: refused: .*\[credentials_refused\]/m, 'a wrong password');
    unlike($out, qr/^E other/m, 'a site of others is not told');
    like($out, qr/^F broken: refused: .*\[site_settings_invalid\]/m, 'settings that are none');
    like($out, qr/^G gone: not reached: .*\[consumer_unreachable\]; `send` tries again/m,
        'a site that is down');
    is_deeply([registrations($uid)], ['A html Refused registration_refused',
        'B bad Refused registration_refused',
        'C busy Pending consumer_error', 'D forbidding Refused credentials_refused',
            'F broken Refused site_settings_invalid',
        'G gone Pending consumer_unreachable', 'Testbed University Registered -'], 'all of it is recorded');
    is(scalar $bed->sql('provider',
        'SELECT next_attempt_at > UTC_TIMESTAMP() + INTERVAL 800 SECOND FROM registration '
        . q{WHERE site_name = 'C busy'}), 1, 'Retry-After is respected');
    my ($posted) = grep { $_->{path} =~ /register/ } $bad->requests;
    like($posted->{body}, qr/name="originid"\r\n\r\n\Q$uid\E\r\n/, 'originid is the uid');
    like($posted->{body}, qr/name="from_url"\r\n\r\n\Q${\$bed->env('PROVIDER_URL')}\E\r\n/,
        'from_url is ours');
    like($posted->{body}, qr/name="experiment_owner"\r\n\r\nada\@uni\.example\r\n/, 'the owner');
    like($posted->{body}, qr/name="username"\r\n\r\nr\r\n.*name="password"\r\n\r\ns\r\n/s,
        'the credentials of the settings');
    like($posted->{body}, qr/name="xmldata"; filename="METS\.xml".*<mets\b/s,
        'and a METS document as a file');
    is_deeply([grep { $_->{path} =~ /register/ } $other->requests], [],
        'the other site was not asked to register');

    my $back = FakeServer->new(port => $gone->port, handler => sub {
        my ($request) = @_;
        my $url = "http://$request->{headers}{host}";
        return {headers => {Location => "$url/experiment/view/9"},
            body => '/store/9'} if $request->{path} =~ /register/;
        return settings_of('@uni.example', "$url/register");
    });
    like(send_now($bed), qr/^send: 1 registered, 0 refused/m, 'send tells the site that is back');
    is((grep { /^G/ } registrations($uid))[0], 'G gone Registered -', 'which is recorded');
    $back->stop;
    ($status, $out) = $bed->run('tardis-provider', 'retry', 'three', '--site', 'D forbidding');
    is($status, 0, 'a refused one can be retried');
    is((grep { /^D/ } registrations($uid))[0], 'D forbidding Pending -', 'it is due again');
    ($status, $out) = $bed->run('tardis-provider', 'cancel', 'three');
    is_deeply([grep { /Pending/ } registrations($uid)], [], 'cancel leaves nothing to be tried');
    registry();
};

subtest 'a site that turns out not to match when it is back' => sub {
    my $uid = $bed->import_experiment('four', {'a/b' => 'c'}, '--epn', 'four');
    my $down = fake_site('@other.example', sub { {status => 500} });
    my $port = $down->port;
    my $url = $down->url . '/';
    $down->stop;
    registry('Z down' => $url);
    my ($status, $out) = $bed->run('tardis-provider', 'transfer', 'four');
    like($out, qr/^Z down: not reached/m, 'it is not known whether it matches');
    my $back = FakeServer->new(port => $port, handler => sub {
        return settings_of('@other.example', 'http://127.0.0.1:1/');
    });
    send_now($bed);
    is_deeply([registrations($uid)], ['Testbed University Registered -'], 'it is not told');
    like((events_of($bed, $uid))[-1], qr/no owner belongs to Z down/, 'which is in the history');
    registry();
};

subtest 'wrong credentials of the consumer, and the command itself' => sub {
    my $uid = $bed->import_experiment('five', {'a/b' => 'c'}, '--epn', 'five');
    $bed->rewrite($bed->env('SITES_FILE'), $sites =~ s{<password>[^<]*<}{<password>wrong<}r);
    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'five');
    is($status, 1, 'wrong staff password: exit status');
    like($out, qr/^Testbed University: refused: .*\[credentials_refused\]/m, 'said so');
    $bed->expect_log(qr/staff|register|password|credentials|forbidden/i);
    registry();
    my @cases = (
        ['unknown experiment', 66, qr/no experiment has the EPN or uid nope/, 'nope'],
        ['unknown site', 66, qr/no site of the registry is called X/, 'five', '--site', 'X'],
        ['both options', 64, qr/exclude each other/, 'five', '--site', 'X', '--all-sites'],
    );
    for my $case (@cases) {
        my ($name, $expected, $message, @arguments) = @$case;
        ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', @arguments);
        is($status, $expected, "$name: exit status");
        like($err, $message, "$name: says so");
    }
    $bed->rewrite($bed->env('SITES_FILE'), '<sites><site>');
    ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'five');
    is($status, 78, 'broken registry: exit status');
    like($err, qr/registry_invalid/, 'broken registry: says so');
    $bed->set_option('provider', 'base_url', undef);
    ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'five');
    is($status, 78, 'no base_url: exit status');
    like($err, qr/base_url must be set/, 'no base_url: says so');
};

done_testing;
