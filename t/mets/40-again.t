# The same uid again: the same document changes nothing, a changed one replaces the experiment until it is
# Complete; of many that come at once there is one experiment.

use strict;
use warnings;
use Test::More;
use Ingest;

my $ingest = Ingest->new;
my @as = ('tardis.1', 'https://provider.example');

sub document {
    my ($title, @files) = @_;
    my $list = join('', map { "<file><name>$_</name><size>1</size></file>" } @files);
    return "<experiment><title>$title</title><author>A</author><dataset><description>d</description>$list</dataset></experiment>\n";
}

sub one { my ($statement, @values) = @_; return ($ingest->sql($statement, @values))[0][0] }

my $first = $ingest->register(document('One', 'a', 'b'), @as, 'jo@uni.example');
is($first->{outcome}, 'created', 'a new uid: a new experiment');
is(one('SELECT state FROM synced_experiment WHERE experiment_id = ?', $first->{id}), 'Ingested',
    'that is followed');
is(one('SELECT next_attempt_at <= UTC_TIMESTAMP(6) FROM synced_experiment WHERE experiment_id = ?',
    $first->{id}), 1, 'and due at once');
my $before = $ingest->rows;

my $again = $ingest->register(document('One', 'a', 'b'), @as);
is("$again->{outcome} $again->{id} $again->{files} $again->{bytes}", "unchanged $first->{id} 2 2",
    'the same document again: the same answer');
is($ingest->rows, $before, 'and no new row');
is($ingest->register(document('One', 'a', 'b'), 'tardis.1', 'https://provider.example/')->{outcome},
    'unchanged', "a slash after the provider's URL does not matter");
is($ingest->register(document('One', 'a', 'b'), 'tardis.2', $as[1])->{outcome}, 'created',
    'another uid: another experiment');
is($ingest->register(document('One', 'a', 'b'), $as[0], 'https://other.example')->{outcome}, 'created',
    'another provider: another experiment');
is($ingest->register(document('One', 'a', 'b'))->{outcome}, 'created', 'no uid: another experiment');
is(one('SELECT COUNT(*) FROM synced_experiment'), 3, 'which is not followed');

$ingest->sql_do("UPDATE synced_experiment SET state = 'FailPermanent', next_attempt_at = NULL, checked_through = 1 WHERE experiment_id = ?", $first->{id});
my $changed = $ingest->register(document('Two', 'c'), @as, 'ann@uni.example');
is("$changed->{outcome} $changed->{id} $changed->{files}", "updated $first->{id} 1",
    'a changed document: the same experiment, changed');
is(one('SELECT GROUP_CONCAT(path) FROM datafile WHERE experiment_id = ?', $first->{id}), 'd/c',
    'with the new files only');
is(one('SELECT CONCAT(title, file_count, byte_count) FROM experiment WHERE id = ?', $first->{id}), 'Two11',
    'and the new title');
is(one('SELECT GROUP_CONCAT(email) FROM owner WHERE experiment_id = ?', $first->{id}), 'ann@uni.example',
    'and owner');
is(one('SELECT CONCAT(state, checked_through, next_attempt_at IS NOT NULL) FROM synced_experiment WHERE experiment_id = ?', $first->{id}), 'Ingested01',
    'and begins anew');

my $bad = $ingest->register(document('Three', 'c', '../d'), @as);
is($bad->{code}, 'path_invalid', 'a bad document is refused');
is(one('SELECT title FROM experiment WHERE id = ?', $first->{id}), 'Two', 'and changes nothing');
my $late = $ingest->register(document('Three', 'x' x 1100), @as);
is($late->{code}, 'path_invalid', 'one whose fault is found late, too');
$late = $ingest->register(document('x' x 70_000, 'e'), @as);
is($late->{code}, 'document_limit', 'and one whose fault is found while it is stored');
is(one('SELECT GROUP_CONCAT(path) FROM datafile WHERE experiment_id = ?', $first->{id}), 'd/c',
    'they change nothing either');

$ingest->sql_do("UPDATE synced_experiment SET state = 'Complete' WHERE experiment_id = ?", $first->{id});
is($ingest->register(document('Two', 'c'), @as)->{outcome}, 'unchanged',
    'Complete: the same document is still welcome');
is($ingest->register(document('Four', 'c'), @as)->{code}, 'conflict', 'a changed one is not');
is(one('SELECT title FROM experiment WHERE id = ?', $first->{id}), 'Two', 'and changes nothing');

# At once: all with the same document, then all with different ones.
my $file = $ingest->file(document('Race', map { "f$_" } 1 .. 400));
my @all = $ingest->register_at_once(map { [$file, 'tardis.9', $as[1]] } 1 .. 6);
is(join(' ', sort map { $_->{outcome} // "$_->{code}: $_->{text}" } @all), join(' ', 'created',
    ('unchanged') x 5), 'six at once: one is created');
is(scalar(keys %{{map { ($_->{id} // 0) => 1 } @all}}), 1, 'and all are told the same experiment');
is(one("SELECT COUNT(*) FROM experiment WHERE title = 'Race'"), 1, 'of which there is one');
is(one('SELECT COUNT(*) FROM datafile WHERE experiment_id = ?', $all[0]{id}), 400, 'with its files once');
@all = $ingest->register_at_once(map { [$ingest->file(document("Race $_", map { "f$_" } 1 .. 50 + $_)),
    'tardis.10', $as[1]] } 1 .. 6);
is(join(' ', sort map { $_->{outcome} // "$_->{code}: $_->{text}" } @all), join(' ', 'created',
    ('updated') x 5), 'six different ones at once: one is created, the others change it');
is(one('SELECT COUNT(*) FROM datafile WHERE experiment_id = ?', $all[0]{id}),
    one('SELECT file_count FROM experiment WHERE id = ?', $all[0]{id}),
    'and what there is, is one of them');

done_testing;
