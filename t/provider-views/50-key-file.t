# Keys in a file instead of the database.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $file = "$bed->{dir}/conf/keys";
my ($name, $url) = ($bed->env('SITE_NAME'), $bed->env('SITE_SETTINGS_URL'));
my %digest = map { $_ => sha256_hex($_) } qw(by-name by-url mapped unregistered);
my $lines = <<END;
# the clients

127.0.0.1   $digest{'by-name'}   $name\x20
127.0.0.1\t\U$digest{'by-url'}\E $url
::ffff:127.0.0.2 $digest{mapped} $name
127.0.0.1 $digest{unregistered} Nobody's site
END
Testbed::Files::put($file, 0600, $lines);
chown((stat $bed->env("SITES_FILE"))[4, 5], $file) == 1 or die "chown: $!\n";

my $uid = new_experiment($bed, 'alpha');
my $form = $bed->form(uid => $uid, dest_path => '1', site_settings_url => $url);
$bed->add_directives('provider', "TardisProviderKeySource file:$file");
$bed->restart_httpd('provider');
$bed->error_log('provider', 1);

sub status { return $bed->provider('GET', "status/$uid/", @_) }

my $refused = qr/:error\].* the key is not a client key for this address \[forbidden\]; answered 403$/;
answers($bed, 'provider', 'get with a key of the file', $bed->provider('POST', 'get/', key => 'by-name',
    content => $form), 200, 'OK');
answers($bed, 'provider', "$_", status(key => $_), 200, qr/"status": 2/) for qw(by-name by-url);
answers($bed, 'provider', 'a key of the database', status(), 403, '', $refused);
answers($bed, 'provider', 'no key', status(key => undef), 403, '', qr/has no X_MYTARDIS_KEY header/);
answers($bed, 'provider', 'the digest itself', status(key => $digest{'by-name'}), 403, '', $refused);
answers($bed, 'provider', "another address's key", status(key => 'mapped'), 403, '', $refused);
my $path = $bed->env('PROVIDER_URL') . "/apps/sync/provider/status/$uid/";
answers($bed, 'provider', 'from that address', other_address($bed, 'GET', $path, '127.0.0.2',
        headers => {'X_MYTARDIS_KEY' => 'mapped'}), 200, qr/"status": 2/);
answers($bed, 'provider', "a site that is not registered", status(key => 'unregistered'), 403, '',
    qr/:error\].* the key's site "Nobody's site" is not registered \[forbidden\]; answered 403$/);

my $invalid = "this server has a problem, see its error log [config_invalid]\n";
for my $case (
    ["127.0.0.1 $digest{'by-url'}\n", 1, 'the line names no site'],
    ["#\n127.0.0.1 abc $name\n", 2, 'the address is not followed by a SHA-256 sum of 64 hexadecimal digits'],
    ["#\n\n127.0.0 $digest{'by-url'} $name\n", 3, 'not an IPv4 or IPv6 address: 127.0.0'],
    ['x' x 2000, 1, 'the line is too long'],
    )
{
    my ($text, $line, $problem) = @$case;
    $bed->rewrite($file, $text);
    answers($bed, 'provider', $problem, status(key => 'by-url'), 500, $invalid,
        qr/:error\].* client 127\.0\.0\.1: line $line: \Q$file: $problem\E \[config_invalid\]; answered 500$/);
    my ($status, $output) = configtest($bed, 'provider', sub { $_[0] });
    isnt($status, 0, "$problem: configtest fails");
    like($output, qr/configtest.conf:\d+: TardisProviderKeySource: line $line: \Q$file: $problem\E \[config_invalid\]/,
        "$problem: configtest names it");
}
$bed->rewrite($file, $lines);
answers($bed, 'provider', 'mended, without a restart', status(key => 'by-url'), 200, qr/"status": 2/);
chmod 0644, $file;
answers($bed, 'provider', 'everybody may read it', status(key => 'by-url'), 500, $invalid,
    qr/:error\].* \Q$file\E: everybody can read this file of keys; chmod o-r \[config_invalid\]; answered 500$/);
done_testing;
