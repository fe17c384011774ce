#!/usr/bin/env perl
# An experiment that is imported again and registered again while a consumer follows it: what arrives and is proven is
# always what was registered last, by the tools alone; once it is Complete it stays as it is.

use strict;
use warnings;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;

# ($name, \%files): changes files of an experiment, imports and registers it again. Returns what `transfer` does.
sub change {
    my ($name, $files) = @_;
    my $top = $bed->make_experiment($name, $files);
    my ($status, $out, $err) = $bed->run('tardis-provider', 'import', $top, '--title', $name, '--epn', $name,
        '--owner', 'ada@uni.example', '--update', '--quiet');
    is($status, 0, 'imported again') or diag $err;
    return $bed->run('tardis-provider', 'transfer', $name);
}

sub tick_once {
    my ($status, $out, $err) = $bed->run('tardis-consumer', 'tick', '--now');
    is($status, 0, 'a tick') or diag $err;
}

# What has happened when the experiment changes.
my @steps = (
    ['registered'],
    ['asked for', \&tick_once],
    ['found to be in progress', \&tick_once],
    ['sent', sub { send_now($bed) }],
    ['known to be sent', \&tick_once],
);

for my $last (0 .. $#steps) {
    my $name = "changed $last";
    subtest "changed after it was $steps[$last][0]" => sub {
        my $uid = $bed->import_experiment($name, {'d/a' => 'old', 'd/b' => 'same'}, '--epn', $name);
        is(($bed->run('tardis-provider', 'transfer', $name))[0], 0, 'registered');
        my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', $uid);
        $steps[$_][1]->() for 1 .. $last;
        my ($status, $out) = change($name, {'d/a' => 'new and longer', 'd/c' => 'more'});
        is($status, 0, 'registered again') or diag $out;
        for (1 .. 3) {
            tick_once();
            send_now($bed);
        }
        is($bed->tick_until($id, 'Complete'), 'Complete', 'it completes without help');
        ($status, $out) = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . "/$name",
            $bed->env('CONSUMER_STORE') . "/$id");
        is("$status$out", '0', 'with the files as they are now');
        is(transfer_of($bed, $uid)->{bytes_done}, 22, 'and the provider counts those');
    };
}

subtest 'Complete' => sub {
    my ($status, $out) = $bed->run('tardis-provider', 'transfer', 'changed 0');
    is($status, 0, 'the same document is accepted again') or diag $out;
    my $updated = $bed->sql('provider', 'SELECT updated_at FROM experiment WHERE id = 1');
    ($status, $out) = change('changed 0', {});
    is($status, 0, 'also after an import that has changed nothing') or diag $out;
    is($bed->sql('provider', 'SELECT updated_at FROM experiment WHERE id = 1'), $updated, 'which is no update');
    is(transfer_of($bed, 'tardis.1')->{told_complete}, 1, 'and starts nothing');
    ($status, $out) = change('changed 0', {'d/a' => 'newer'});
    is($status, 1, 'another one is refused');
    like($out, qr/^Testbed University: refused: it answered 409: .* is Complete: .*\[registration_refused\]$/m,
        'and the answer says why');
    $bed->expect_log(qr/uid tardis\.1: .*\[conflict\]; answered 409/);
    is($bed->slurp($bed->env('CONSUMER_STORE') . '/1/d/a'), 'new and longer', 'the consumer keeps what it has');
    is($bed->state(1), 'Complete', 'and its state');
};

done_testing;
