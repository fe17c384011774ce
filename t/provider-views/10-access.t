# Who may use the provider's views: HTTPS, a key, the key's own address; and which views there are.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
$bed->error_log('provider', 1);
my $base = $bed->env('PROVIDER_URL') . '/apps/sync/provider';
my $key = $bed->env('CLIENT_KEY');
my $no_key = qr/\[tardis_provider:error\].* client 127\.0\.0\.1: the request has no X_MYTARDIS_KEY header \[forbidden\]; answered 403$/;
my $wrong = qr/\[tardis_provider:error\].* client 127\.0\.0\.1: the key is not a client key for this address \[forbidden\]; answered 403$/;

for my $path (qw(get/ status/tardis.1/ status/ nowhere), '') {
    answers($bed, 'provider', "no key, /$path", $bed->provider('GET', $path, key => undef), 403, '', $no_key);
    answers($bed, 'provider', "wrong key, /$path", $bed->provider('GET', $path, key => 'x' x 43), 403, '',
        $wrong);
}
answers($bed, 'provider', 'empty key', $bed->provider('GET', 'status/tardis.1', key => ''), 403, '', $no_key);
answers($bed, 'provider', 'the key in another case', $bed->provider('GET', 'status/tardis.1',
    key => lc(uc $key) eq $key
        ? uc $key : lc $key), 403, '', $wrong);
answers($bed, 'provider', 'two keys', $bed->provider('GET', 'status/tardis.1', key => "$key, $key"), 403,
    '', $wrong);

answers($bed, 'provider', 'the right key from another address',
    other_address($bed, 'GET', "$base/status/tardis.1/", '127.0.0.2',
    headers => {'X_MYTARDIS_KEY' => $key}), 403, '',
    qr/:error\].* client 127\.0\.0\.2: the key is not a client key for this address \[forbidden\]; answered 403$/);

my $unknown = qr/:warn\].* client 127\.0\.0\.1: invalid UID: tardis\.1 \[uid_unknown\]; answered status 4$/;
for my $header (qw(X_MYTARDIS_KEY X-MyTardis-Key x-mytardis-key)) {
    answers($bed, 'provider', "the right key in $header", $bed->provider('GET', 'status/tardis.1/',
        key => undef,
            headers => {$header => $key}), 200, qr/"status": 4/, $unknown);
}

for my $case (['without a key'], ['with the key', key => $key]) {
    my ($name, @options) = @$case;
    answers($bed, 'provider', "plain HTTP, $name",
        $bed->request('GET', $bed->env('PROVIDER_HTTP_URL') . '/apps/sync/provider/status/tardis.1/',
        @options), 404,
        'Use HTTPS', qr/:warn\].* client 127\.0\.0\.1: the request did not come by HTTPS \[https_required\]; answered 404$/);
}

for my $path ('nowhere', 'get/more', 'getx', 'notify_experiment/tardis.1/') {
    answers($bed, 'provider', "no view at /$path", $bed->provider('GET', $path), 404, qr/ \[not_found\]\n$/,
        qr{:warn\].* there is no view at /apps/sync/provider/\Q$path\E \[not_found\]; answered 404$});
}

for my $case (['GET', 'get/', 'POST'], ['HEAD', 'get', 'POST'], ['PUT', 'get/', 'POST'],
    ['GET', 'status/', 'POST'], ['GET', 'status', 'POST'], ['POST', '', 'GET, HEAD'],
    ['POST', 'status/tardis.1/', 'GET, HEAD'], ['DELETE', 'status/tardis.1', 'GET, HEAD'])
{
    my ($method, $path, $allow) = @$case;
    my $answer = $bed->provider($method, $path, content => '');
    answers($bed, 'provider', "$method $path", $answer, 405,
        $method eq 'HEAD' ? '' : qr/ \[method_refused\]\n$/,
        qr/:warn\].*: $method is not a method of this view, use \Q$allow\E \[method_refused\]; answered 405$/);
    is($answer->{headers}{allow}, $allow, "$method $path: Allow");
}

ok(!(grep { index($_, $key) >= 0 } $bed->error_log('provider')), 'the key is not in the error log');
done_testing;
