# status/: always 200 and JSON for whoever may ask.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $uid = new_experiment($bed, 'alpha');
my ($id) = $uid =~ /(\d+)$/;
$bed->error_log('provider', 1);

sub status {
    my ($path, $name, $expected, @log) = @_;
    my $answer = $bed->provider('GET', "status/$path");
    answers($bed, 'provider', $name, $answer, 200, qr/^\{.*\}\s*$/s, @log);
    is($answer->{headers}{'content-type'}, 'application/json', "$name: Content-Type");
    my $document = decode_json($answer->{content});
    is($document->{$_}, $expected->{$_}, "$name: $_") for sort keys %$expected;
    like($document->{timestamp}, qr/^\d+(\.\d+)?$/, "$name: timestamp");
    return $document;
}

sub bad {
    my ($path, $name, $code) = @_;
    my $document = status($path, $name, {status => 4, human_status => 'Transfer Bad Request', code => $code},
        qr/\[tardis_provider:warn\].* client 127\.0\.0\.1: .*\[$code\]; answered status 4$/);
    ok(length $document->{error}, "$name: error says why");
    is($document->{message}, $document->{error}, "$name: message too");
    return $document;
}

like(bad('tardis.999999/', 'an unknown uid', 'uid_unknown')->{error}, qr/^invalid UID: tardis\.999999/,
    'as the original says it');
bad('other.1', 'another institution', 'uid_unknown');
like(bad('a%20b', 'a malformed uid', 'uid_invalid')->{error}, qr/^invalid UID: /, 'as the original says it');
bad('x' x 256, 'a uid of 256', 'uid_invalid');
bad('x' x 6000, 'a uid longer than a file name may be', 'uid_invalid');
bad('caf%c3%a9', 'a uid with letters of other alphabets', 'uid_invalid');
bad("$uid/", 'a uid that was not requested', 'not_requested');

my $url = $bed->env('SITE_SETTINGS_URL');
is($bed->provider('POST', 'get/', content => $bed->form(uid => $uid, dest_path => '1',
    site_settings_url => $url))->{content},
    'OK', 'requested');
my $queued = {status => 2, human_status => 'Transfer In Progress', message => '', files_total => 1,
    bytes_total => 5};
status($uid, 'queued', $queued);
status("$uid/", 'with a slash', $queued);
status("$uid/and/more/?x=y", 'with more after it', $queued);
is($bed->provider('HEAD', "status/$uid/")->{status}, 200, 'HEAD');

my %wire = (Sending => [2, 'Transfer In Progress'], Failed => [3, 'Transfer Failed'], Cancelled => [3,
    'Transfer Failed'],
    Complete => [1, 'Transfer Complete']);
for my $state (qw(Sending Failed Cancelled Complete)) {
    $bed->sql('provider', 'UPDATE transfer SET state = ?, error_code = ?, error_text = ?', $state,
        $state eq 'Failed' ? ('destination_full', 'no "space"') : (undef, undef));
    my $document = status($uid, $state, {status => $wire{$state}[0], human_status => $wire{$state}[1]});
    is($document->{message}, $state eq 'Failed' ? 'no "space"' : '', "$state: message");
}

$bed->sql('provider', 'UPDATE transfer SET site_url = ?', 'https://other.example/');
bad($uid, 'what another site requested', 'not_requested');
done_testing;
