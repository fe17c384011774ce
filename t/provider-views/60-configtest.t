# Every mistake in the provider's directives is found before a request, and named with file and line.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $conf = "$bed->{dir}/conf";
my ($database, $sites) = ("$conf/provider.cnf", $bed->env('SITES_FILE'));

# The testbed's directives of the module replaced by these lines, and further ones in the TLS virtual host.
sub with {
    my ($lines, $vhost) = @_;
    return configtest($bed, 'provider', sub {
        my ($text) = @_;
        $text =~ s/^TardisProvider.*\n//mg;
        $text =~ s/^(?=<Location)/$lines\n/m;
        $text =~ s/^(?=    SSLEngine)/$vhost\n/m if defined $vhost;
        return $text;
    });
}

sub file_with {
    my ($name, $mode, $text) = @_;
    Testbed::Files::put("$conf/$name", $mode, $text);
    return "$conf/$name";
}

sub accepted {
    my ($name, @lines) = @_;
    my ($status, $output) = with(@lines);
    is($status, 0, "$name is accepted") or diag($output);
    like($output, qr/Syntax OK/, $name);
    unlike($output, qr/tardis_provider:/, "$name: nothing is logged");
}

sub refused {
    my ($name, $lines, @problems) = @_;
    my ($status, $output) = with(ref $lines ? @$lines : $lines);
    isnt($status, 0, "$name is refused");
    like($output, $_, $name) for @problems;
    my $count = () = $output =~ /\[tardis_provider:error\]/g;
    is($count, scalar(grep { /configtest/ } @problems), "$name: no other complaint") or diag($output);
}

my $both = "TardisProviderDatabase $database\nTardisProviderSiteRegistry $sites";
my $password = file_with('registry.password', 0600, "secret\n");

accepted('nothing at all', '');
accepted('what is needed', $both);
accepted('everything', "$both\nTardisProviderDatabase $database tardis\nTardisProviderDatabaseConnections 7\n"
    . "TardisProviderInstitution synch-1.example_x\nTardisProviderKeySource database\n"
    . "TardisProviderSiteRegistry https://sites.example/sites.xml user $password\n"
    . "TardisProviderCAFile $conf/ca.pem\nTardisProviderAllowInsecure Off");
accepted('a URL that nobody answers', "TardisProviderDatabase $database\nTardisProviderSiteRegistry https://127.0.0.1:1/");
accepted('paths below ServerRoot', "TardisProviderDatabase conf/provider.cnf\nTardisProviderSiteRegistry conf/sites.xml");
accepted('halves that a virtual host makes whole', "TardisProviderDatabase $database",
    "TardisProviderSiteRegistry $sites");
accepted('a database that is down', "TardisProviderDatabase " . file_with('down.cnf', 0600,
        "[tardis]\nsocket=/nonexistent\nuser=x\ndatabase=x\n") . "\nTardisProviderSiteRegistry $sites");

# What a directive's own parser refuses.
for my $case (
    ['TardisProviderDatabaseConnections 0', 'must be a number from 1 to 1000, not "0"'],
    ['TardisProviderDatabaseConnections 1001', 'must be a number from 1 to 1000, not "1001"'],
    ['TardisProviderDatabaseConnections ten', 'must be a number from 1 to 1000, not "ten"'],
    ['TardisProviderDatabaseConnections 99999999999999999999', 'must be a number from 1 to 1000'],
    ['TardisProviderDatabaseConnections 5x', 'must be a number from 1 to 1000, not "5x"'],
    ['TardisProviderInstitution "a b"', q(must be 1 to 200 letters, digits, '_', '.' and '-', not "a b")],
    ['TardisProviderInstitution ""', 'takes one argument'],
    ['TardisProviderInstitution ' . 'x' x 201, 'must be 1 to 200 letters'],
    ['TardisProviderKeySource files', 'must be database or file:PATH, not "files"'],
    ['TardisProviderKeySource file:', 'must be database or file:PATH, not "file:"'],
    ['TardisProviderSiteRegistry ftp://sites.example/', 'must be a path or an http(s) URL: '],
    ['TardisProviderSiteRegistry https://user@sites.example/', 'must be a path or an http(s) URL: '],
    ["TardisProviderSiteRegistry $sites user $password", 'takes a user and a password file with a URL only'],
    ['TardisProviderSiteRegistry https://sites.example/ user', 'needs a password file after the user'],
    ['TardisProviderAllowInsecure maybe', 'must be On or Off'],
    ['TardisProviderDatabase ""', 'takes 1-2 arguments'],
    ['TardisProviderDatabase', 'takes 1-2 arguments'],
    ['<Directory />' . "\nTardisProviderInstitution x\n</Directory>", 'not allowed'],
    )
{
    my ($line, $problem) = @$case;
    my ($status, $output) = with("$both\n$line");
    isnt($status, 0, "$line is refused");
    like($output, qr/on line \d+ of \S+configtest\.conf:\s.*\Q$problem\E/s, "$line: why");
}

# What needs a look at files, or at other directives.
my $here = qr/configtest\.conf:\d+: /;
my $sites_only = qr/${here}TardisProviderSiteRegistry: this server also needs TardisProviderDatabase \[config_invalid\]/;
my $database_only = qr/${here}TardisProviderDatabase: this server also needs TardisProviderSiteRegistry \[config_invalid\]/;
refused('a registry alone in a virtual host', ['', "TardisProviderSiteRegistry $sites"], $sites_only);
refused('a database alone in a virtual host', ['', "TardisProviderDatabase $database"], $database_only);
refused('neither', ['', 'TardisProviderInstitution x'],
    qr/${here}TardisProviderInstitution: this server also needs TardisProviderDatabase/,
    qr/${here}TardisProviderInstitution: this server also needs TardisProviderSiteRegistry/);

my $missing = qr/No such file or directory \[config_invalid\]/;
refused('a missing option file', "TardisProviderDatabase $conf/none.cnf\nTardisProviderSiteRegistry $sites",
    qr/${here}TardisProviderDatabase: \Q$conf\E\/none\.cnf: $missing/);
my $open = file_with('open.cnf', 0644, $bed->slurp($database));
refused('an option file that everybody may read',
    "TardisProviderDatabase $open\nTardisProviderSiteRegistry $sites",
    qr/${here}TardisProviderDatabase: \Q$open\E: everybody can read this file of secrets; chmod o-r \[config_invalid\]/);
refused('a directory as option file', "TardisProviderDatabase $conf\nTardisProviderSiteRegistry $sites",
    qr/${here}TardisProviderDatabase: \Q$conf\E: not a regular file \[config_invalid\]/);
refused('a missing registry', "TardisProviderDatabase $database\nTardisProviderSiteRegistry $conf/none.xml",
    qr/${here}TardisProviderSiteRegistry: \Q$conf\E\/none\.xml: $missing/);
my $broken = file_with('broken.xml', 0600, "<sites>\n<site>\n<name>x</name>\n</sites>\n");
refused('a broken registry', "TardisProviderDatabase $database\nTardisProviderSiteRegistry $broken",
    qr/${here}TardisProviderSiteRegistry: line [34]: site registry \Q$broken\E: .*\[registry_invalid\]/);
refused('missing authorities', "$both\nTardisProviderCAFile $conf/none.pem",
    qr/${here}TardisProviderCAFile: \Q$conf\E\/none\.pem: $missing/);
refused('a missing key file', "$both\nTardisProviderKeySource file:$conf/none",
    qr/${here}TardisProviderKeySource: \Q$conf\E\/none: $missing/);
my $keys = file_with('open.keys', 0644, "# none yet\n");
refused('a key file that everybody may read', "$both\nTardisProviderKeySource file:$keys",
    qr/${here}TardisProviderKeySource: \Q$keys\E: everybody can read this file of keys; chmod o-r \[config_invalid\]/);
my $shown = file_with('shown.password', 0644, "secret\n");
refused('a password that everybody may read',
    "TardisProviderDatabase $database\nTardisProviderSiteRegistry https://sites.example/ user $shown",
    qr/${here}TardisProviderSiteRegistry: \Q$shown\E: everybody can read this file of secrets; chmod o-r \[config_invalid\]/);
refused('several mistakes, all of them', ["TardisProviderDatabase $open\nTardisProviderSiteRegistry $broken",
        "TardisProviderCAFile $conf/none.pem\nTardisProviderDatabase $conf/none.cnf"],
    qr/${here}TardisProviderDatabase: \Q$open\E/, qr/${here}TardisProviderSiteRegistry: line/,
    qr/${here}TardisProviderCAFile: /, qr/${here}TardisProviderDatabase: \Q$conf\E\/none\.cnf/);
if ($>) {
    my $closed = file_with('closed.cnf', 0000, '');
    refused('an option file that cannot be read',
        "TardisProviderDatabase $closed\nTardisProviderSiteRegistry $sites",
        qr/${here}TardisProviderDatabase: \Q$closed\E: Permission denied \[config_invalid\]/);
}

my $public = file_with('public.xml', 0644, $bed->slurp($sites));
my ($status, $output) = with("TardisProviderDatabase $database\nTardisProviderSiteRegistry $public");
is($status, 0, 'a registry that everybody may read is accepted');
like($output, qr/\[tardis_provider:warn\].*${here}TardisProviderSiteRegistry: \Q$public\E: everybody can read the passwords in it/,
    'with a warning');

# Merges: a virtual host has what the main server has, but for what it sets itself.
my $uid = new_experiment($bed, 'alpha');
my ($id) = $uid =~ /(\d+)$/;
my $text = $bed->slurp($bed->env('PROVIDER_HTTPD_CONF'));
my $form = $bed->form(uid => $uid, dest_path => '1', site_settings_url => $bed->env('SITE_SETTINGS_URL'));
is($bed->provider('POST', 'get/', content => $form)->{status}, 200,
    'the main server\'s directives hold in the virtual host');

$bed->rewrite($bed->env('PROVIDER_HTTPD_CONF'),
    $text =~ s/^(?=    SSLEngine)/    TardisProviderInstitution beamline\n/mr);
$bed->restart_httpd('provider');
like($bed->provider('GET', "status/beamline.$id")->{content}, qr/"status": 2/,
    'the virtual host\'s institution counts');
$bed->expect_log(qr/invalid UID: \Q$uid\E \[uid_unknown\]; answered status 4/);
like($bed->provider('GET', "status/$uid")->{content}, qr/"status": 4/, 'and not the default');

my $plain = $bed->env('PROVIDER_HTTP_URL');
my $status_url = "$plain/apps/sync/provider/status/$uid/";
my %key = (key => $bed->env('CLIENT_KEY'));
$bed->rewrite($bed->env('PROVIDER_HTTPD_CONF'),
    $text =~ s/^(?=TardisProviderDatabase)/TardisProviderAllowInsecure On\n/mr);
$bed->restart_httpd('provider');
is($bed->request('GET', $status_url, %key)->{status}, 200, 'plain HTTP where it is allowed');
$bed->rewrite($bed->env('PROVIDER_HTTPD_CONF'),
    $text =~ s/^(?=TardisProviderDatabase)/TardisProviderAllowInsecure On\n/mr
    =~ s/^(<VirtualHost 127.0.0.1:\d+>\n    ServerName localhost\n)(?=<\/Virtual)/$1    TardisProviderAllowInsecure Off\n/mr);
$bed->restart_httpd('provider');
$bed->error_log('provider', 1);
answers($bed, 'provider', 'Off in a virtual host beats On in the main server', $bed->request('GET',
    $status_url, %key), 404,
    'Use HTTPS', qr/\[https_required\]; answered 404$/);

$bed->rewrite($bed->env('PROVIDER_HTTPD_CONF'), $text =~ s/^TardisProvider.*\n//mgr);
$bed->restart_httpd('provider');
$bed->error_log('provider', 1);
answers($bed, 'provider', 'a server without directives', $bed->provider('GET', "status/$uid"), 500,
    "this server has a problem, see its error log [config_invalid]\n",
    qr/:error\].* client 127\.0\.0\.1: no database is configured for this server \[config_invalid\]; answered 500$/);
done_testing;
