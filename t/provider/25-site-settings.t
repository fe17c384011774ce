#!/usr/bin/env perl
# transfer asks all sites for their settings at once; what each does wrong is told by its own name and recorded, goes
# no further than that site, and takes the site's password nowhere else.

use strict;
use warnings;
use FakeServer;
use Test::More;
use Testbed;
use Testbed::Servers;

my $bed = Testbed->new;
$bed->set_option('provider', 'stall_timeout', 2);
$bed->set_option('provider', 'total_timeout', 4);
my $own = $bed->slurp($bed->env('SITES_FILE'));

# (name => url, ...): the registry has the testbed's site and these.
sub registry {
    my (%others) = @_;
    my $more = join('', map { "<site><name>$_</name><url>$others{$_}</url><username>u</username>"
        . '<password>site-password</password></site>' } sort keys %others);
    $bed->rewrite($bed->env('SITES_FILE'), $own =~ s{</sites>}{$more</sites>}r);
}

sub good_settings {
    my ($register) = @_;
    return '<site-settings><email-endswith>@uni.example</email-endswith><register>'
        . "<url>$register</url><username>r</username><password>s</password></register>"
        . '<transfer><type>webdav</type></transfer></site-settings>';
}

subtest 'what is wrong with a site' => sub {
    my $elsewhere = FakeServer->new(handler => sub { return {body => good_settings('http://127.0.0.1:9/')} });
    my $good = good_settings('http://127.0.0.1:9/');
    my %case = (
        html => ['refused', 'site_settings_invalid', qr/./, {headers => {'Content-Type' => 'text/html'},
            body => '<html><p>Under maintenance<br></html>'}],
        xhtml => ['refused', 'site_settings_invalid', qr/site-settings/, {body => '<html><p>Hello</p></html>'}],
        empty => ['refused', 'site_settings_invalid', qr/./, {body => ''}],
        torn => ['refused', 'site_settings_invalid', qr/line/, {body => substr($good, 0, 100)}],
        binary => ['refused', 'site_settings_invalid', qr/./, {body => "\0\xff" x 500}],
        nobody => ['refused', 'site_settings_invalid', qr/email-endswith/,
            {body => $good =~ s{<email-endswith>.*?</email-endswith>}{}r}],
        entity => ['refused', 'site_settings_invalid', qr/./, {body => '<!DOCTYPE s [<!ENTITY e SYSTEM '
            . '"file:///etc/passwd">]>' . $good =~ s/webdav/&e;/r}],
        large => ['refused', 'site_settings_invalid', qr/larger than 1048576 bytes/,
            {body => '<site-settings>', stream => 2**31}],
        forbidden => ['refused', 'credentials_refused', qr/HTTP status 403/, {status => 403}],
        redirect => ['refused|not reached', 'consumer_error', qr{a redirect to \Q${\$elsewhere->url}\E/x},
            {status => 302, headers => {Location => $elsewhere->url . '/x'}}],
        missing => ['refused|not reached', 'consumer_error', qr/HTTP status 404/, {status => 404}],
        error => ['not reached', 'consumer_error', qr/HTTP status 500/, {status => 500}],
        later => ['not reached', 'consumer_error', qr/HTTP status 503/, {status => 503,
            headers => {'Retry-After' => 900}}],
        slow => ['not reached', 'consumer_timeout', qr/./, {delay => 8}],
        torn_off => ['not reached', 'consumer_unreachable', qr/./, {close => 1}],
    );
    my $fake = FakeServer->new(parallel => 1, handler => sub { return $case{$_[0]{path} =~ s{/}{}gr}[3] });
    registry(map { $_ => $fake->url . "/$_/" } keys %case);
    my $uid = $bed->import_experiment('wrong', {'a/b' => 'c'}, '--epn', 'wrong');
    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'wrong');
    is($status, 1, 'not every site was told');
    like($out, qr/^Testbed University: registered as /m, 'the good one was');
    for my $name (sort keys %case) {
        my ($said, $code, $text) = @{$case{$name}};
        my @lines = grep { /^\Q$name\E: / } split /\n/, $out;
        is(scalar @lines, 1, "$name: one line");
        like($lines[0], qr/^$name: (?:$said): settings of site $name: .*\[$code\]/, "$name is $code");
        like($lines[0], $text, "$name: with the cause");
        my $recorded = $bed->sql('provider', 'SELECT error_code FROM registration WHERE site_name = ?', $name);
        is($recorded, $code, "$name: and recorded");
    }
    is($bed->sql('provider', 'SELECT next_attempt_at > UTC_TIMESTAMP() + INTERVAL 800 SECOND FROM registration '
        . q{WHERE site_name = 'later'}), 1, 'Retry-After is respected');
    is(scalar $elsewhere->requests, 0, 'a redirect is not followed');
    unlike("$out$err", qr/site-password/, 'no password is told');
    unlike($out . $bed->sql('provider', 'SELECT GROUP_CONCAT(text) FROM transfer_event'), qr/site-password|root:/,
        'nor kept, and no entity is expanded');
};

subtest 'all at once' => sub {
    my $sites = 6;
    my $asked = $bed->dir . '/asked';
    my $fake = FakeServer->new(parallel => 1, handler => sub {
        my ($request) = @_;
        return {status => 400, body => "no\nmore \t of this\r\n"} if $request->{path} =~ /register/;
        open(my $file, '>>', $asked) or die "$asked: $!\n";
        syswrite($file, "$request->{path}\n");
        Testbed::Servers::wait_until(3, sub { $sites == Testbed::Servers::read_lines($asked) })
            or return {status => 500};
        return {body => good_settings("http://$request->{headers}{host}/register/")};
    });
    registry(map { sprintf('At once %02d', $_) => $fake->url . "/site$_/" } 1 .. $sites);
    $bed->import_experiment('once', {'a/b' => 'c'}, '--epn', 'once');
    my ($status, $out) = $bed->run('tardis-provider', 'transfer', 'once');
    is(scalar(() = $out =~ /^At once \d+: refused: it answered 400: no more   of this \[registration_refused\]$/mg),
        $sites, 'a site answers only when all were asked') or diag $out;
};

subtest 'told to stop' => sub {
    my $slow = FakeServer->new(parallel => 1, handler => sub { return {delay => 12} });
    $bed->set_option('provider', 'stall_timeout', 30);
    $bed->set_option('provider', 'total_timeout', 30);
    registry(Slow => $slow->url . '/');
    my $uid = $bed->import_experiment('stop', {'a/b' => 'c'}, '--epn', 'stop');
    my $pid = $bed->start('tardis-provider', 'transfer', 'stop');
    Testbed::Servers::wait_until(20, sub { $slow->requests }) or die "nobody is asked\n";
    kill 'TERM', $pid;
    waitpid($pid, 0);
    is($? >> 8, 75, 'it stops by itself, with the status that says try again');
    is(scalar(grep { /\[interrupted\]/ } $bed->slurp($bed->dir . '/log/background.log')), 1, 'and says so');
    is($bed->sql('provider', 'SELECT COUNT(*) FROM registration WHERE experiment_id = ?', $uid =~ s/.*\.//r), 0,
        'and records nothing');
};

done_testing;
