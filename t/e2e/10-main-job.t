# The main job: a directory at the provider becomes a proven experiment at the consumer, by WebDAV and over a mounted
# file system.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use SmtpSink;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $sink = SmtpSink->new;
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"admin@uni.example"}');
$bed->set_option('consumer', 'mail_owners', 'true');

my %files = (
    'notes.txt' => "at the top\n",
    'raw/frame 1.img' => \300_000,
    'raw/empty' => '',
    'raw/deep/er/frame.img' => \70_001,
    "odd/it's \"quoted\" & 100% #1?" => "odd\n",
    'odd/ümläut 夕方.txt' => "utf-8\n",
    'odd/semi;~+=@,' => "more\n",
);

subtest 'by WebDAV' => sub { whole_job('alpha', '4711') };

subtest 'mail to administrator and owner' => sub {
    my @mail = $sink->messages;
    is_deeply([sort map { @{$_->{to}} } @mail], ['ada@uni.example', 'admin@uni.example'], 'both got it, once');
    like($mail[0]{data}, qr/^Subject: .*\S/m, 'it has a subject');
    like($mail[0]{data}, qr/alpha/, 'it names the experiment');
    like($mail[0]{data}, qr/tardis\.1\b/, 'and its uid');
    $bed->run('tardis-consumer', 'tick', '--now');
    is(scalar($sink->messages), scalar(@mail), 'another tick sends nothing twice');
};

subtest 'over a mounted file system' => sub {
    my $settings = $bed->slurp($bed->env('SITE_SETTINGS_FILE'));
    my $store = $bed->env('CONSUMER_STORE');
    $settings =~ s{<type>.*</serversite>}{<type>file</type><serversite>$store</serversite>}s;
    $bed->rewrite($bed->env('SITE_SETTINGS_FILE'), $settings);
    $bed->restart_httpd('consumer');
    whole_job('beta', '4712');
};

subtest 'no secret in a log' => sub {
    my @secrets = map { $bed->env($_) } qw(CLIENT_KEY REGISTER_PASSWORD STAFF_PASSWORD DAV_PASSWORD);
    my $logs = join('', map { $bed->slurp($_) } glob($bed->dir . '/log/*'));
    ok(length $logs, 'there are logs');
    is(scalar(grep { index($logs, $_) >= 0 } @secrets), 0, 'and no key or password in them');
};

done_testing;

sub whole_job {
    my ($name, $epn) = @_;
    my $uid = $bed->import_experiment($name, \%files, '--epn', $epn, '--author', 'Ada Lovelace');
    like($uid, qr/^tardis\.\d+$/, 'import prints the uid');

    my ($status, $out, $err) = $bed->run('tardis-provider', 'transfer', $epn);
    is($status, 0, 'transfer reached every site') or diag($err);
    like($out, qr/^.*Testbed University.*\n\z/, 'and says so in one line');
    my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', $uid);
    ok($id, 'the consumer follows it') or return;
    is($bed->state($id), 'Ingested', 'in the state Ingested');

    is($bed->tick_until($id, 'Requested'), 'Requested', 'a tick asks for the files');
    is($bed->sql('provider', 'SELECT state FROM transfer ORDER BY id DESC LIMIT 1'), 'Queued', 'which queues them');
    is($bed->tick_until($id, 'InProgress'), 'InProgress', 'the next one sees that it is under way');

    ($status, $out, $err) = $bed->run('tardis-provider', 'send', '--quiet');
    is($status, 0, 'send ends well') or diag($err);
    is($bed->tick_until($id, 'Complete'), 'Complete', 'ticks bring it to Complete');
    is_deeply([$bed->history($id)], [qw(Ingested Requested InProgress CheckingIntegrity Complete)],
        'and the history has each state once') or diag(join(' ', $bed->history($id)));

    my @diff = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . "/$name", $bed->env('CONSUMER_STORE') . "/$id");
    is($diff[0], 0, 'both stores hold the same') or diag(@diff[1, 2]);
    ($status, $out) = $bed->run('tardis-consumer', 'show', $id);
    is($status, 0, 'show works');
    like($out, qr/Complete/, 'and shows Complete');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM file_problem WHERE experiment_id = ?', $id), 0, 'no file has a problem');
}
