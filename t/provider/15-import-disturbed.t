#!/usr/bin/env perl
# import: disturbed while it runs, it leaves nothing or one whole experiment.

use strict;
use warnings;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;

# A file whose reading takes a while, and nothing of the disk.
sub add_large_file {
    my ($top) = @_;
    open(my $file, '>', "$top/raw/zz-large") or die;
    truncate($file, 2**30) or die;
    close $file;
}

sub wait_until_hashing {
    my ($pid) = @_;
    for (1 .. 600) {
        return 1 if grep { (readlink($_) // '') =~ m{raw/zz-large$} } glob("/proc/$pid/fd/*");
        sleep 0.05;
    }
    return 0;
}

subtest 'told to stop' => sub {
    for my $signal (qw(INT TERM KILL)) {
        my $top = $bed->make_experiment("stopped-$signal", {'raw/a' => 'a'});
        add_large_file($top);
        my $pid = $bed->start('tardis-provider', 'import', $top, '--title', 'T', '--epn', 'stopped');
        ok(wait_until_hashing($pid), "$signal: it is reading files");
        kill $signal, $pid;
        waitpid($pid, 0);
        if ($signal eq 'KILL') {
            is($?, 9, "$signal: it is dead");
        } else {
            is($? >> 8, 75, "$signal: it stops by itself, with the status that says try again");
        }
        is($bed->sql('provider', 'SELECT COUNT(*) FROM experiment'), 0, "$signal: nothing was imported");
        unlink "$top/raw/zz-large";
    }
};

subtest 'a file that changes meanwhile' => sub {
    my %change = (
        written => sub { $bed->rewrite("$_[0]/raw/a", 'longer than before') },
        rewritten => sub { $bed->rewrite("$_[0]/raw/a", 'b') },
        added => sub { $bed->rewrite("$_[0]/raw/b", 'b') },
        removed => sub { unlink "$_[0]/raw/a" },
    );
    for my $how (sort keys %change) {
        my $top = $bed->make_experiment("changed-$how", {'raw/a' => 'a'});
        add_large_file($top);
        my $pid = $bed->start('tardis-provider', 'import', $top, '--title', 'T');
        ok(wait_until_hashing($pid), "$how: it is reading files");
        $change{$how}->($top);
        waitpid($pid, 0);
        is($? >> 8, 65, "$how: refused");
        is($bed->sql('provider', 'SELECT COUNT(*) FROM experiment'), 0, "$how: nothing was imported");
        unlink "$top/raw/zz-large";
    }
    my @said = $bed->slurp($bed->dir . '/log/background.log') =~ /\[source_changed\]/g;
    is(scalar @said, 4, 'each time it says that the source changed');
};

subtest 'several imports of one EPN at once' => sub {
    my $top = $bed->make_experiment('twice', {map { ("raw/$_" => "file $_") } 1 .. 50});
    my @pids = map { $bed->start('tardis-provider', 'import', $top, '--title', "T$_", '--epn',
        'twice') } 1 .. 6;
    my @status = map { waitpid($_, 0); $? >> 8 } @pids;
    is(scalar(grep { $_ == 0 } @status), 1, 'exactly one succeeds') or diag "@status";
    is(scalar(grep { $_ == 1 } @status), 5, 'the others say that it is there');
    is($bed->sql('provider', q{SELECT COUNT(*) FROM experiment WHERE epn = 'twice'}), 1, 'one experiment');
    is($bed->sql('provider', 'SELECT COUNT(*) FROM datafile'), 50, 'with its files');
};

done_testing;
