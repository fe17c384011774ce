#!/usr/bin/perl
# A tick with nothing to do asks the database as good as nothing, and one with mail to send finds it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Test::More;
use Testbed;

my $bed = Testbed->new;

# What the server was asked since it was started: how many statements that read or write, and transactions.
sub asked {
    my %count = map { @$_ } $bed->sql('admin', "SHOW GLOBAL STATUS LIKE 'Com\\_%'");
    my ($statements, $transactions) = (0, $count{Com_begin});
    $statements += $count{"Com_$_"} for qw(select insert update delete replace update_multi delete_multi insert_select);
    return ($statements, $transactions);
}

sub tick_asks {
    my @before = asked();
    my ($status, $out) = tick($bed);
    my @after = asked();
    is($status, 0, 'the tick succeeds');
    return ($after[0] - $before[0], $after[1] - $before[1], $out);
}

my @ids = map { follow($bed, uid => "later.$_", due => 1000) } 1 .. 20;
my ($statements, $transactions, $out) = tick_asks();
is($statements, 3, 'nothing is due: three statements'); # the schema, what is due, and the figures of the tick
is($transactions, 0, 'and no transaction');
like($out, qr/^tick: 0 stepped, /, 'nothing is stepped');

change($bed, $ids[0], 'next_attempt_at = UTC_TIMESTAMP(6)');
($statements, $transactions, $out) = tick_asks();
like($out, qr/^tick: 1 stepped, /, 'one is due: it is stepped');
cmp_ok($transactions, '>', 0, 'in transactions');

$bed->sql('consumer', "INSERT INTO notification (experiment_id, recipient, subject, body, created_at, next_attempt_at)
    VALUES (?, 'a\@uni.example', 's', 'b', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", $ids[1]);
($statements, $transactions, $out) = tick_asks();
like($out, qr/^tick: 0 stepped, .* 1 mail not sent/, 'mail is due: it is tried');

done_testing;
