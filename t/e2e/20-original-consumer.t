# The consumer of the original MyTardis transfer app, played on the wire, gets an experiment from our provider: its
# site settings and register view, its form labelled as JSON, its header, its polling until status 1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use FakeServer;
use JSON::PP;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $original = FakeServer->new(tls => $bed, handler => \&original_consumer);
my $settings_url = $original->url . '/site-settings.xml/';
my $key = introduce();
my %files = ('raw/a.dat' => \100_000, 'raw/b c.dat' => "b\n", 'logs/empty' => '');

my $uid = $bed->import_experiment('gamma', \%files, '--epn', 'G1', '--owner', 'eve@original.example');
my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', 'G1');
is($status, 0, 'the original is reached') or diag("$out$err");
like($out, qr/Original/, 'and named');

subtest 'what its register view got' => sub {
    my ($asked) = grep { $_->{path} eq '/site-settings.xml/' } $original->requests;
    is($asked->{method}, 'POST', 'its settings were asked for by POST');
    like($asked->{body}, qr/username=mecat/, 'with the user of the registry');
    my ($registered) = grep { $_->{path} eq '/experiment/register/' } $original->requests;
    ok($registered, 'the experiment was registered') or return;
    like($registered->{headers}{'content-type'}, qr{^multipart/form-data}, 'as multipart/form-data');
    my %form = multipart($registered);
    is($form{username}, 'synch', 'username');
    is($form{password}, 'secret word', 'password');
    is($form{originid}, $uid, 'originid is the uid');
    is($form{from_url}, $bed->env('PROVIDER_URL'), 'from_url is the provider, without a slash at the end');
    is($form{experiment_owner}, 'eve@original.example', 'experiment_owner');
    readable_for_the_original($form{xmldata});
};

subtest 'it asks, polls and gets the files' => sub {
    my $answer = ask($uid);
    is($answer->{status}, 200, 'get is accepted');
    is($answer->{content}, 'OK', 'with OK');
    is(ask($uid)->{status}, 200, 'and once more');
    is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 1, 'which starts nothing twice');
    is(status($uid)->{status}, 2, 'status is 2 while it waits');
    my ($sent, undef, $problem) = $bed->run('tardis-provider', 'send', '--quiet');
    is($sent, 0, 'send ends well') or diag($problem);
    my $done = status($uid);
    is($done->{status}, 1, 'status is 1 afterwards');
    is($done->{human_status}, 'Transfer Complete', 'in words too');
    is(ref \$done->{timestamp}, 'SCALAR', 'with a timestamp');
    my @diff = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . '/gamma', $bed->env('CONSUMER_STORE') . '/orig/77');
    is($diff[0], 0, 'the files are where it asked for them') or diag(@diff[1, 2]);
};

subtest 'its mistakes' => sub {
    is(status('tardis.999')->{status}, 4, 'an unknown uid');
    ok(length status('tardis.999')->{error}, 'with the text in error');
    my $refused = $bed->request('POST', $bed->env('PROVIDER_URL') . '/apps/sync/provider/get/', key => 'wrong',
        content => $bed->form(uid => $uid, dest_path => 'x', site_settings_url => $settings_url));
    is($refused->{status}, 403, 'a wrong key');
    is($refused->{content}, '', 'gets an empty body');
};

$bed->expect_log(qr/\[(?:forbidden|uid_unknown)\]/);
done_testing;

# Puts the original into the registry and gives it a key. Returns the key.
sub introduce {
    my $sites = $bed->slurp($bed->env('SITES_FILE'));
    $sites =~ s{</sites>}{<site><name>Original</name><url>$settings_url</url><username>mecat</username>
        <password>pw</password></site></sites>};
    $bed->rewrite($bed->env('SITES_FILE'), $sites);
    mkdir $bed->env('CONSUMER_STORE') . '/orig';
    my ($user, $group) = (stat $bed->env('CONSUMER_STORE'))[4, 5];
    chown $user, $group, $bed->env('CONSUMER_STORE') . '/orig';
    my $file = $bed->dir . '/conf/original.key';
    my ($status, undef, $err) = $bed->run('tardis-provider', 'key', 'add', '--site', 'Original',
        '--address', '127.0.0.1', '--key-file', $file);
    BAIL_OUT("key add: $err") if $status;
    chomp(my $key = $bed->slurp($file));
    return $key;
}

sub original_consumer {
    my ($request) = @_;
    if ($request->{path} eq '/site-settings.xml/') {
        my $sl = $bed->env('CONSUMER_URL');
        my $register = "https://$request->{headers}{host}/experiment/register/";
        my ($user, $password) = ($bed->env('DAV_USER'), $bed->env('DAV_PASSWORD'));
        return {headers => {'Content-Type' => 'application/xml'}, body => <<END};
<site-settings>
        <email-endswith>original.example</email-endswith>
        <email-endswith>elsewhere.example</email-endswith>
        <register>
            <url>$register</url>
                <username>synch</username>
                <password>secret word</password>
        </register>
        <transfer>
                <type>webdav</type>
                <user>$user</user>
                <password>$password
</password>
                <sl>$sl</sl>
                <serversite>/dav/orig/</serversite>
                <optionFast>true</optionFast>
                <optionBS>0</optionBS>
        </transfer>
</site-settings>
END
    }
    return {headers => {Location => "https://$request->{headers}{host}/experiment/view/77"}, body => '/var/mytardis/store/77'}
        if $request->{path} eq '/experiment/register/';
    return {status => 404};
}

sub ask {
    my ($uid) = @_;
    return $bed->request('POST', $bed->env('PROVIDER_URL') . '/apps/sync/provider/get/', key => $key,
        headers => {'Content-Type' => 'application/json'},
        content => $bed->form(uid => $uid, dest_path => '77', site_settings_url => $settings_url));
}

sub status {
    my ($uid) = @_;
    my $answer = $bed->request('GET', $bed->env('PROVIDER_URL') . "/apps/sync/provider/status/$uid/", key => $key);
    is($answer->{status}, 200, "status of $uid is an answer");
    like($answer->{headers}{'content-type'}, qr{^application/json}, 'as JSON');
    return decode_json($answer->{content});
}

sub multipart {
    my ($request) = @_;
    my ($boundary) = $request->{headers}{'content-type'} =~ /boundary="?([^";]+)/;
    my %form;
    for my $part (split /(?:^|\r\n)--\Q$boundary\E(?:\r\n|--\r\n)/, $request->{body}) {
        my ($head, $value) = split /\r\n\r\n/, $part, 2;
        $form{$1} = $value if defined $value && $head =~ /\bname="([^"]+)"/;
    }
    return %form;
}

# What the original's importer relies on.
sub readable_for_the_original {
    my ($xml) = @_;
    like($xml, qr/^<\?xml .*<\w*:?mets\b/s, 'the document is METS');
    ok(index($xml, 'metsHdr') < index($xml, 'dmdSec'), 'its header comes first');
    like($xml, qr/<\w*:?abstract\b/, 'it has an abstract');
    is(() = $xml =~ /<\w*:?fileGrp\b/g, 1, 'one fileGrp');
    my @files = $xml =~ /(<\w*:?file\b[^>]*>)/g;
    is(@files, 3, 'every file');
    is(scalar(grep { /\bSIZE="\d+"/ && /\bCHECKSUMTYPE="(?:MD5|SHA-512)"/ && /\bOWNERID="/ } @files), 3,
        'each with its size, name and digest');
    is(scalar(grep { /\bADMID=/ } @files), 0, 'none with an ADMID, for there are no parameters');
}
