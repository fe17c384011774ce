#!/usr/bin/perl
# The exit statuses of both tools are those of their manual pages, each provoked where that is cheap.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $source = $bed->env('TARDIS_SOURCE_DIR');
my $here = $bed->dir;
my $fake = FakeServer->new(handler => sub {
    return {status => 200, body => 'OK'} if $_[0]{method} eq 'POST';
    return answer(status => 3, message => 'the tape robot is on strike', code => 'io_error');
});
add_provider($bed, $fake->url, KEY);
my $uid = $bed->import_experiment('alpha', {'raw/a.dat' => 'one'}, '--epn', 'E-1');
$bed->rewrite("$here/good.xml", mets('good', ['a.txt', 'hello']));
$bed->rewrite("$here/bad.xml", '<mets');
my @from = ('--uid', 'tardis.5', '--from', $fake->url);
my %seen;

# ($status, $why, $tool, @command)
sub exits {
    my ($expected, $why, $tool, @command) = @_;
    my ($status, $out, $err) = $bed->run("tardis-$tool", @command);
    $seen{$tool}{$status}++;
    like($err, qr/^tardis-$tool: .*\[\w+\]$/m, "$tool @command: told with its code") if $expected > 1;
    return is($status, $expected, "$tool @command: $why") || diag $err;
}

subtest 'success' => sub {
    exits(0, $_->[0], @$_[1 .. $#$_]) for ['what there is', 'provider', 'list'], ['what there is', 'consumer', 'list'],
        ['the version', 'provider', '--version'], ['help', 'consumer', 'tick', '--help'],
        ['a good document', 'consumer', 'register', "$here/good.xml", @from],
        ['the document', 'provider', 'export', $uid], ['nothing to send', 'provider', 'send'],
        ['the schema is as it was made', 'consumer', 'schema', 'check'];
};

subtest 'a tick did its work, whatever became of experiments' => sub {
    my %id = map { $_ => follow($bed, provider => $fake->url, state => $_) } qw(Ingested InProgress);
    my $waits = follow($bed, provider => 'http://127.0.0.1:9');
    exits(0, 'one fails, one moves on, one cannot be stepped', 'consumer', 'tick');
    is(state($bed, $id{InProgress}), 'FailPermanent', 'one has failed');
    is(row($bed, $waits, 'error_code'), 'provider_unknown', 'one waits');
    exits(0, 'as with --quiet', 'consumer', 'tick', '--quiet', '--now');
    exits(1, 'but it was to step one that is held', 'consumer', 'tick', '--only', $waits)
        if ok(!($bed->run('tardis-consumer', 'hold', $waits, '--reason', 'x'))[0], 'held');
};

subtest 'it ran, and something failed or is not in the right state' => sub {
    my $done = follow($bed, provider => $fake->url, state => 'Complete');
    exits(1, 'there is nothing to hold', 'consumer', 'hold', $done, '--reason', 'x');
    exits(1, 'nothing to cancel', 'provider', 'cancel', $uid);
    exits(1, 'nobody to tell', 'provider', 'transfer', $bed->import_experiment('beta', {'raw/b.dat' => 'two'},
        '--owner', 'ada@nowhere.example'));
    $bed->sql('consumer', 'ALTER TABLE experiment_hold ADD COLUMN spare INT');
    exits(1, 'the schema differs', 'consumer', 'schema', 'check');
    $bed->sql('consumer', 'ALTER TABLE experiment_hold DROP COLUMN spare');
};

subtest 'usage' => sub {
    for my $tool (qw(provider consumer)) {
        exits(64, 'no such command', $tool, 'dance');
        exits(64, 'no such option', $tool, 'list', '--dance');
        exits(64, 'no such state', $tool, 'list', '--state', 'Dancing');
        exits(64, 'an operand is missing', $tool, 'show');
    }
    exits(64, 'a wrong value', 'consumer', 'tick', '--time-limit', '0');
    exits(64, 'a wrong value', 'provider', 'send', '--parallel', 'many');
};

subtest 'documents and data' => sub {
    exits(65, 'not well-formed', 'consumer', 'register', "$here/bad.xml", @from);
    exits(65, 'without files', 'provider', 'import', $bed->make_experiment('empty', {}), '--title', 'Empty');
};

subtest 'no such thing' => sub {
    for my $tool (qw(provider consumer)) {
        exits(66, 'no such experiment', $tool, $_, 'tardis.999') for qw(show export retry);
    }
    exits(66, 'no such experiment', 'provider', 'cancel', 'tardis.999');
    exits(66, 'no such experiment', 'consumer', 'cancel', 'tardis.999', '--reason', 'x');
    exits(66, 'no such experiment', 'consumer', 'why', 'tardis.999');
    exits(66, 'no such experiment', 'consumer', 'tick', '--only', 'tardis.999');
    exits(66, 'no such site', 'provider', 'transfer', $uid, '--site', 'Nowhere');
};

subtest 'output' => sub {
    exits(74, 'no such directory', 'provider', 'export', $uid, '--output', "$here/missing/mets.xml");
    exits(74, 'no such directory', 'consumer', 'export', 'tardis.5', '--output', "$here/missing/mets.xml");
    exits(74, 'no such directory', 'consumer', 'metrics', '--output', "$here/missing/tardis.prom");
    for my $tool (qw(provider consumer)) {
        my ($status, $out, $err) = $bed->run('sh', '-c', "exec tardis-$tool --config \"\$0\" list --json >/dev/full",
            $bed->env(uc($tool) . '_CONF'));
        is($status, 74, "$tool: a full disk") or diag $err;
    }
};

subtest 'what cannot be read' => sub {
    exits(77, 'no such directory', 'provider', 'import', "$here/missing", '--title', 'Missing');
    exits(77, 'no such file', 'consumer', 'register', "$here/missing.xml", @from);
};

subtest 'the other side' => sub {
    my $conf = $bed->slurp($bed->env('PROVIDER_CONF'));
    $bed->set_option('provider', 'site_registry', '"http://127.0.0.1:9/sites.xml"');
    exits(69, 'the registry is away', 'provider', 'transfer', $uid, '--all-sites');
    $bed->rewrite($bed->env('PROVIDER_CONF'), $conf);
};

subtest 'configuration and schema' => sub {
    for my $tool (qw(provider consumer)) {
        my $conf = $bed->slurp($bed->env(uc($tool) . '_CONF'));
        exits(78, 'no such file', $tool, '--config', "$here/missing.conf", 'list');
        $bed->set_option($tool, 'connect_timeout', '"soon"');
        exits(78, 'a wrong value', $tool, $_) for 'list', $tool eq 'consumer' ? 'tick' : 'send';
        $bed->rewrite($bed->env(uc($tool) . '_CONF'), $conf);
        $bed->sql($tool, 'UPDATE schema_version SET version = version - 1 WHERE component = ?', $tool);
        exits(78, 'the schema is to be upgraded', $tool, 'list');
        $bed->sql($tool, 'UPDATE schema_version SET version = version + 1 WHERE component = ?', $tool);
        exits(0, 'it is mended', $tool, 'list');
    }
};

subtest 'the database' => sub {
    $bed->stop_db;
    exits(75, 'is away', 'provider', $_) for 'list', 'send';
    exits(75, 'is away', 'consumer', $_) for 'list', 'tick', 'metrics';
    $bed->start_db;
};

subtest 'the manual pages' => sub {
    for my $tool (qw(provider consumer)) {
        my ($table) = $bed->slurp("$source/man/tardis-$tool.1") =~ /^\.Sh EXIT STATUS\n(.*?)^\.El/ms;
        my %told = map { $_ => 1 } $table =~ /^\.It (\d+)$/mg;
        is_deeply([grep { !$told{$_} } sort keys %{$seen{$tool}}], [], "$tool: all that was seen here is told");
        is_deeply([grep { !$seen{$tool}{$_} && $_ != 70 } sort keys %told], [],
            "$tool: all that is told was seen here, but a defect");
    }
};

done_testing;
