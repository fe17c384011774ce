# A site registry at a URL: asked for with its user and password, and 503 while it cannot be had.
use strict;
use warnings;
use FakeServer;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $site = $bed->env('SITE_SETTINGS_URL');
my $sites = $bed->slurp($bed->env('SITES_FILE'));
my $answer_file = "$bed->{dir}/registry-answer";
my $registry = FakeServer->new(tls => $bed, handler => sub {
    open(my $file, '<', $answer_file) or return {status => 404, body => 'gone'};
    local $/;
    return {status => 200, body => <$file>};
});
my $url = $registry->url . '/sites.xml/';
my $password = "$bed->{dir}/conf/registry.password";
Testbed::Files::put($password, 0600, "pass & word\n");
chown((stat $bed->env('SITES_FILE'))[4, 5], $password) == 1 or die "chown: $!\n";
my $text = $bed->slurp($bed->env('PROVIDER_HTTPD_CONF'));
$bed->rewrite($bed->env('PROVIDER_HTTPD_CONF'),
    $text =~ s/^TardisProviderSiteRegistry .*/TardisProviderSiteRegistry $url "the user" $password/mr);
$bed->restart_httpd('provider');
$bed->error_log('provider', 1);

my $uid = new_experiment($bed, 'alpha');
my $form = $bed->form(uid => $uid, dest_path => '1', site_settings_url => $site);
my $about = qr/:error\].* uid \Q$uid\E: client 127\.0\.0\.1: (?:line \d+: )?site registry \Q$url\E: .*/;

sub get { return $bed->provider('POST', 'get/', content => $form) }

my $answer = get();
answers($bed, 'provider', 'an answer that is not 200', $answer, 503, qr/\[registry_unavailable\]/,
    qr/$about\[registry_unavailable\]; answered 503$/);
like($answer->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'Retry-After');
$bed->rewrite($answer_file, '<html>');
answers($bed, 'provider', 'an answer that is no registry', get(), 500, qr/\[registry_invalid\]/,
    qr/$about\[registry_invalid\]; answered 500$/);
$bed->rewrite($answer_file, $sites =~ s/\Q$site\E/https:\/\/other.example\//r);
answers($bed, 'provider', 'a registry without the site', get(), 400, qr/\[site_unknown\]/,
    qr/\[site_unknown\]; answered 400$/);
is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 0, 'nothing is recorded so far');
$bed->rewrite($answer_file, $sites);
answers($bed, 'provider', 'the registry', get(), 200, 'OK');
is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 1, 'a transfer is recorded');

my ($request) = $registry->requests;
is($request->{method}, 'POST', 'the registry is asked by POST');
is($request->{path}, '/sites.xml/', 'at its URL');
my %sent = map { tr/+/ /r =~ s/%(..)/chr hex $1/ger } map { split /=/ } split(/&/, $request->{body});
is_deeply(\%sent,
    {username => 'the user', password => 'pass & word'}, 'with its user and password');
unlike(join("\n", $bed->error_log('provider')), qr/pass & word/, 'which is not in the error log');

$registry->stop;
answers($bed, 'provider', 'a registry that is down', get(), 503, qr/\[registry_unavailable\]/,
    qr/$about\[registry_unavailable\]; answered 503$/);
chmod 0644, $password;
answers($bed, 'provider', 'a password that everybody may read', get(), 500, qr/\[config_invalid\]/,
    qr/:error\].*\Q$password\E.*\[config_invalid\]; answered 500$/);
answers($bed, 'provider', 'status does not need the registry', $bed->provider('GET', "status/$uid"), 200,
    qr/"status": 2/);
done_testing;
