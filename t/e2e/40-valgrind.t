# One full run of each tool and of each module under valgrind: no error, nothing lost; and an httpd process does not
# grow with the requests that it answers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Outbox;
use SmtpSink;
use Test::More;
use Testbed;

plan skip_all => 'valgrind is not there' if !grep { -x "$_/valgrind" } split /:/, $ENV{PATH};
my $bed = Testbed->new;
plan skip_all => 'this build has sanitizers' if $bed->slurp($bed->env('HTTPD_ENVIRONMENT')) =~ /LD_PRELOAD/;
my @valgrind = ('valgrind', '--quiet', '--vgdb=no', '--leak-check=full', '--show-leak-kinds=definite', '--keep-debuginfo=yes',
    '--suppressions=' . $bed->env('TARDIS_SOURCE_DIR') . '/t/valgrind.supp',
    '--errors-for-leak-kinds=definite', '--num-callers=25', '--log-file=' . $bed->dir . '/log/valgrind-%p.log');
my $httpd_wrapper = ['/usr/bin/env', @valgrind];
our $quiet = 0; # only what is wrong is told
my $source = $bed->env('TARDIS_SOURCE_DIR');
my ($uid, $id);

subtest 'both modules, asked for everything' => sub {
    $bed->restart_httpd($_, single => 1, wrapper => $httpd_wrapper) for qw(provider consumer);
    $uid = $bed->import_experiment('alpha', {'raw/a' => \100_000, 'raw/b' => '', 'c' => 'c'}, '--epn', 'V1');
    is(($bed->run('tardis-provider', 'transfer', 'V1'))[0], 0, 'a registration');
    $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment');
    ask_provider();
    ask_consumer();
    is(($bed->run('tardis-provider', 'send', '--quiet'))[0], 0, 'a transfer');
    is($bed->tick_until($id, 'Complete'), 'Complete', 'all the way');
    $bed->stop_httpd($_) for qw(provider consumer);
    clean('the modules');
};

subtest 'both tools, every command' => sub {
    $bed->start_httpd($_) for qw(provider consumer);
    my $top = $bed->make_experiment('beta', {'raw/a' => \100_000, 'raw/b' => '', 'c' => 'c'});
    my $owner = 'ada@uni.example';
    checked(0, 'tardis-provider', 'schema', 'upgrade');
    checked(0, 'tardis-provider', 'schema', 'check');
    checked(0, 'tardis-provider', 'config', 'show');
    checked(0, 'tardis-provider', '--help');
    checked(64, 'tardis-provider', 'nonsense');
    checked(0, 'tardis-provider', 'import', $top, '--title', 'Beta', '--epn', 'V2', '--owner', $owner, '--quiet');
    checked(0, 'tardis-provider', 'import', $top, '--title', 'Beta 2', '--epn', 'V2', '--owner', $owner, '--update');
    checked(0, 'tardis-provider', 'transfer', 'V2');
    my $beta = $bed->sql('consumer', 'SELECT MAX(experiment_id) FROM synced_experiment');
    checked(0, 'tardis-consumer', 'tick', '--now');
    checked(0, 'tardis-consumer', 'tick', '--now');
    checked(0, 'tardis-provider', 'cancel', 'V2');
    checked(0, 'tardis-provider', 'retry', 'V2');
    checked(0, 'tardis-provider', 'send');
    for (1 .. 6) {
        checked(0, 'tardis-consumer', 'tick', '--now');
    }
    is($bed->state($beta), 'Complete', 'all the way');
    checked(0, $_, 'list') for qw(tardis-provider tardis-consumer);
    checked(0, $_, 'list', '--json') for qw(tardis-provider tardis-consumer);
    checked(0, 'tardis-provider', 'show', 'V2');
    checked(0, 'tardis-provider', 'show', 'V2', '--json');
    checked(0, 'tardis-provider', 'export', 'V2');
    checked(0, 'tardis-consumer', 'show', $beta);
    checked(0, 'tardis-consumer', 'show', $beta, '--json');
    checked(0, 'tardis-consumer', 'export', $beta, '--output', $bed->dir . '/exported.xml');
    checked(0, 'tardis-consumer', 'why', $beta);
    checked(0, 'tardis-consumer', 'why', $beta, '--json');
    checked(66, 'tardis-consumer', 'show', '999');
    checked(0, 'tardis-consumer', 'register', "$source/t/data/whole.mets.xml", '--uid', 'tardis.500', '--from',
        $bed->env('PROVIDER_URL'), '--owner', $owner);
    checked(0, 'tardis-consumer', 'hold', 'tardis.500', '--reason', 'not yet');
    checked(0, 'tardis-consumer', 'release', 'tardis.500');
    checked(0, 'tardis-consumer', 'hold', '--provider', $bed->env('PROVIDER_URL'), '--reason', 'not yet');
    checked(0, 'tardis-consumer', 'release', '--provider', $bed->env('PROVIDER_URL'));
    checked(0, 'tardis-consumer', 'cancel', 'tardis.500', '--reason', 'not at all');
    checked(0, 'tardis-consumer', 'why', 'tardis.500');
    checked(0, 'tardis-consumer', 'retry', '--all-failed', '--dry-run');
    checked(0, 'tardis-consumer', 'retry', 'tardis.500');
    checked(1, 'tardis-consumer', 'retry', 'tardis.500');
    checked(0, 'tardis-consumer', 'list', '--leases');
    checked(0, 'tardis-consumer', 'metrics');
    checked(0, 'tardis-consumer', 'providers');
    checked(0, 'tardis-consumer', 'providers', '--json');
    my $sink = SmtpSink->new(recipients => {'^gone' => '550 no such user'});
    $bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
    queue($bed, 20, to => ['ops@uni.example', 'gone@uni.example'], state => 'FailPermanent', code => 'key_refused');
    queue($bed, 2, to => ['ada@uni.example', 'gone.too@uni.example']);
    checked(0, 'tardis-consumer', 'tick');
    is(scalar $sink->messages, 3, 'mail, and a digest');
    checked(0, 'tardis-consumer', 'prune', '--older-than', '1');
    checked(0, 'tardis-provider', 'key', 'add', '--site', 'Testbed University', '--address', '192.0.2.1');
    checked(0, 'tardis-provider', 'key', 'remove', scalar($bed->sql('provider', 'SELECT MAX(id) FROM client_key')));
    checked(0, 'tardis-provider', 'key', 'list');
    checked(0, 'tardis-consumer', 'config', 'show');
    checked(0, 'tardis-consumer', 'schema', 'check');
    checked(0, 'tardis-consumer', '--help');
};

subtest 'growth' => sub {
    for my $side (qw(provider consumer)) {
        $bed->restart_httpd($side, single => 1);
        my $ask = $side eq 'provider' ? \&ask_provider : \&ask_consumer;
        local $quiet = 1;
        $ask->() for 1 .. 40;
        my $before = resident($side);
        $ask->() for 1 .. 80;
        cmp_ok(resident($side) - $before, '<', 1500, "the $side httpd stays as it is (in KiB)");
    }
};

$bed->expect_log(qr/\[(?:forbidden|uid_unknown|uid_invalid|form_invalid|method_refused|document_malformed|not_found)\]/,
    qr/valgrind/i);
done_testing;

sub ask_provider {
    my $form = $bed->form(uid => $uid, dest_path => $id, site_settings_url => $bed->env('SITE_SETTINGS_URL'));
    answered(200, $bed->provider('POST', 'get/', content => $form));
    answered(200, $bed->provider('GET', "status/$uid/"));
    answered(200, $bed->provider('GET', 'status/nonsense$/'));
    answered(200, $bed->provider('GET', ''));
    answered(200, $bed->provider('POST', 'status/', content => "uid=$uid&uid=tardis.99&uid=nonsense"));
    answered(404, $bed->provider('GET', 'nonsense/'));
    answered(403, $bed->provider('GET', "status/$uid/", key => 'wrong'));
    answered(404, $bed->provider('POST', 'get/', content => $form =~ s/uid=[^&]*/uid=tardis.99/r));
    answered(400, $bed->provider('POST', 'get/', content => "$form&$form"));
    answered(405, $bed->provider('GET', 'get/'));
}

sub ask_consumer {
    my $notify = $bed->env('CONSUMER_URL') . "/apps/sync/consumer/notify_experiment/$uid/";
    my %user = (username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD'));
    my %staff = (username => $bed->env('STAFF_USER'), password => $bed->env('STAFF_PASSWORD'));
    answered(204, $bed->request('POST', $notify, content => $bed->form(%user)));
    answered(404, $bed->request('POST', $notify =~ s/\Q$uid\E/tardis.99/r, content => $bed->form(%user)));
    answered(200, $bed->request('POST', $bed->env('SITE_SETTINGS_URL'), content => $bed->form(%staff)));
    answered(403, $bed->request('POST', $bed->env('SITE_SETTINGS_URL'), content => $bed->form(%user)));
    answered(400, $bed->register('<mets xmlns="http://www.loc.gov/METS/"><metsHdr', originid => 'tardis.7'));
    answered(403, $bed->register('<mets/>', password => 'wrong'));
}

sub answered {
    my ($status, $answer) = @_;
    return if $quiet && $answer->{status} == $status;
    is($answer->{status}, $status, "$answer->{url}") or diag($answer->{content});
}

# Runs a tool itself, not libtool's script for it.
sub checked {
    my ($expected, $tool, @arguments) = @_;
    my $build = $bed->env('TARDIS_BUILD_DIR');
    my $conf = $bed->env($tool eq 'tardis-provider' ? 'PROVIDER_CONF' : 'CONSUMER_CONF');
    my ($status, $out, $err) = $bed->run({env => {LD_LIBRARY_PATH => "$build/libtardis/.libs"}}, @valgrind,
        "$build/$tool/.libs/$tool", '--config', $conf, @arguments);
    is($status, $expected, "$tool @arguments") or diag("$out$err");
    clean("$tool @arguments");
}

# Nothing in valgrind's logs, which are removed.
sub clean {
    my ($what) = @_;
    my @logs = glob($bed->dir . '/log/valgrind-*.log');
    ok(@logs, "$what ran under valgrind");
    my $found = join('', map { $bed->slurp($_) } @logs);
    is($found, '', 'without an error');
    unlink @logs;
}

sub resident {
    my ($side) = @_;
    my ($kilobytes) = $bed->slurp('/proc/' . $bed->httpd_pid($side) . '/status') =~ /^VmRSS:\s+(\d+)/m;
    return $kilobytes;
}
