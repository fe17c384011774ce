# get/: what is recorded, what is refused, and that a refused request leaves nothing.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $uid = new_experiment($bed, 'alpha');
my ($id) = $uid =~ /(\d+)$/;
my $site = $bed->env('SITE_SETTINGS_URL');
my %form = (uid => $uid, dest_path => '17', site_settings_url => $site);
$bed->error_log('provider', 1);

sub get {
    my ($body, %options) = @_;
    return $bed->provider('POST', 'get/', content => $body,
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'}, %options);
}

# The good form with some fields changed.
sub form_with {
    my %changed = (%form, @_);
    return $bed->form(%changed);
}

sub visible {
    return $_[0] =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
}

sub refused {
    my ($name, $status, $code, $body, @options) = @_;
    my $answer = get($body, @options);
    answers($bed, 'provider', $name, $answer, $status, qr/ \[$code\]\n$/,
        qr/\[tardis_provider:warn\].* client 127\.0\.0\.1: .*\[$code\]; answered $status$/);
    is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 0, "$name: nothing is recorded");
}

for my $field (sort keys %form) {
    my %without = %form;
    delete $without{$field};
    refused("no $field", 400, 'form_invalid', $bed->form(%without));
    refused("an empty $field", 400, 'form_invalid', form_with($field => ''));
    refused("$field twice", 400, 'form_invalid', $bed->form(%form) . "&$field=$form{$field}");
    refused("a NUL in $field", 400, 'form_invalid', form_with($field => "a\0b"));
    refused("half an escape in $field", 400, 'form_invalid', $bed->form(%form) . "&x=%4g");
}
refused('no body', 400, 'form_invalid', '');
refused('a long dest_path', 400, 'form_invalid', form_with(dest_path => 'x' x 301));
refused('a long site_settings_url', 400, 'form_invalid', form_with(site_settings_url => $site . 'x' x 255));
refused('a long uid', 400, 'form_invalid', form_with(uid => 'x' x 256));
refused('uid ' . visible($_), 400, 'uid_invalid', form_with(uid => $_)) for 'tardis 1', '../etc',
    "t\xc3\xa9", 'a/b', "a\n";
refused("uid $_", 404, 'uid_unknown', form_with(uid => $_))
    for 'tardis.999999', 'other.1', 'tardis.', "tardis.0$id", 'tardis.18446744073709551616', 'tardis.-1';
refused('dest_path ' . visible($_), 400, 'path_invalid', form_with(dest_path => $_))
    for '../x', '/x', '..', 'a/../b', 'a//b', 'a/./b', "a\nb", "a\x7fb", "\xff", 'a\\b';
refused("site $_", 400, 'site_unknown', form_with(site_settings_url => $_))
    for 'https://elsewhere.example/site-settings.xml/', "$site/", uc $site, substr($site, 0, -1);
refused('a body of 10 MB', 413, 'document_too_large', $bed->form(%form) . '&x=' . 'x' x 10_000_000);

my $key = $bed->env('CLIENT_KEY');
my $head = "POST /apps/sync/provider/get/ HTTP/1.1\r\nHost: localhost\r\nX_MYTARDIS_KEY: $key\r\n";
my $answer = raw_request($bed, 'provider', "${head}Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n");
answers($bed, 'provider', 'a body that is only announced', $answer, 413, qr/1048576 bytes/,
    qr/larger than 1048576 bytes \[document_too_large\]/);
is($answer->{headers}{connection}, 'close', 'and the connection is closed');
$answer = raw_request($bed, 'provider', "${head}Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n", 100_000, 'x' x 100_000) x 11);
answers($bed, 'provider', 'a body of unknown length that does not end', $answer, 413, qr/1048576 bytes/,
    qr/larger than 1048576 bytes \[document_too_large\]/);
is($answer->{headers}{connection}, 'close', 'and the connection is closed');
$answer = raw_request($bed, 'provider',
    "POST /apps/sync/provider/get/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\nuid=1");
answers($bed, 'provider', 'a large body from a stranger', $answer, 403, '', qr/no X_MYTARDIS_KEY header/);
is($answer->{headers}{connection}, 'close', 'is not read either');

my $other_site = '<site><name>Other</name><url>https://other.example/</url><username>u</username>'
    . '<password>p</password></site>';
$bed->rewrite($bed->env('SITES_FILE'), $bed->slurp($bed->env('SITES_FILE')) =~ s{(?=</sites>)}{$other_site}r);
refused('a registered site that the key is not for', 400, 'site_unknown',
    form_with(site_settings_url => 'https://other.example/'));

my $sites = $bed->slurp($bed->env('SITES_FILE'));
$bed->rewrite($bed->env('SITES_FILE'), '<sites>');
answers($bed, 'provider', 'a broken registry', get($bed->form(%form)), 500,
    "this server has a problem, see its error log [registry_invalid]\n",
    qr/:error\].* uid \Q$uid\E: .*sites\.xml.*\[registry_invalid\]; answered 500$/);
unlink $bed->env('SITES_FILE');
$answer = get($bed->form(%form));
answers($bed, 'provider', 'no registry', $answer, 503, qr/\[registry_unavailable\]/,
    qr/:error\].* uid \Q$uid\E: .*sites\.xml.*\[registry_unavailable\]; answered 503$/);
like($answer->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'Retry-After');
is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 0, 'nothing is recorded');
Testbed::Files::put($bed->env('SITES_FILE'), 0644, $sites);

answers($bed, 'provider', 'a good request', get($bed->form(%form)), 200, 'OK');
my @rows = $bed->sql('provider', 'SELECT experiment_id, site_url, dest_path, state FROM transfer');
is_deeply(\@rows, [[$id, $site, '17', 'Queued']], 'is recorded');
answers($bed, 'provider', 'the same again', get($bed->form(%form)), 200, 'OK');
answers($bed, 'provider', 'labelled as JSON, as the original does',
    get($bed->form(%form), headers => {'Content-Type' => 'application/json'}), 200, 'OK');
answers($bed, 'provider', 'without a label and a slash', $bed->provider('POST', 'get',
    content => $bed->form(%form)), 200, 'OK');
is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 1, 'still one transfer');
$bed->sql('provider', 'UPDATE transfer SET state = "Sending"');
answers($bed, 'provider', 'another place for what is being sent', get(form_with(dest_path => '18')), 409,
    qr/\[conflict\]/, qr/:warn\].* uid \Q$uid\E: .*\[conflict\]; answered 409$/);

my $longest = join("/", ("d" x 99) x 3);
my $other = new_experiment($bed, 'beta');
answers($bed, 'provider', 'the longest dest_path', get(form_with(uid => $other, dest_path => "$longest.")),
    200, 'OK');
done_testing;
