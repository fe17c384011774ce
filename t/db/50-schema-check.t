#!/usr/bin/perl
# `schema check` finds whatever differs from what the steps make, and the manifests say what that is.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp;
use Test::More;
use PrivateDb;

my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
my $made = File::Temp->newdir(TMPDIR => 1);
is(system($^X, "$source/schema/describe", "$made"), 0, 'the manifests are made anew');
for my $component (qw(catalogue provider consumer)) {
    my $file = "schema/$component.manifest";
    my @lines = Testbed::Servers::read_lines("$made/$component.manifest");
    cmp_ok(scalar @lines, '>', 20, "the $component has tables");
    is_deeply([Testbed::Servers::read_lines("$source/$file")], \@lines,
        "$file is current; else run schema/describe");
}

my $server = PrivateDb->new;
my $client = $server->connect('consumer');
my @before = $client->ask('check consumer');
is($before[0], 'ok ', 'an empty database can be checked');
like($before[1], qr/^schema of the catalogue is version 0, this program needs/, 'its version is told');
ok((grep { $_ eq 'table experiment is missing' } @before), 'and which tables are missing');
ok(!(grep { /^column/ } @before), 'not each of their columns');

$client->ask('upgrade consumer');
is_deeply([$client->ask('check consumer')], ['ok '], 'after an upgrade nothing differs');
my @changes = (
    ['ALTER TABLE notification DROP COLUMN error_text', 'column notification.error_text is missing'],
    ['ALTER TABLE notification ADD COLUMN extra INT', 'column notification.extra is not part of the schema'],
    ['ALTER TABLE notification DROP KEY notification_due', 'index notification.notification_due is missing'],
    ['ALTER TABLE notification ADD KEY quick (created_at)',
        'index notification.quick is not part of the schema'],
    ['ALTER TABLE experiment MODIFY byte_count INT NOT NULL',
        'column experiment.byte_count is "int not null" instead of "bigint unsigned not null"'],
    ['ALTER TABLE experiment MODIFY title TEXT NULL',
        'column experiment.title is "text null" instead of "text not null"'],
    ['ALTER TABLE datafile MODIFY path VARCHAR(4096) NOT NULL',
        'column datafile.path is "varchar(4096) not null"'
        . ' instead of "varchar(4096) not null collate utf8mb4_bin"'],
    ['ALTER TABLE file_problem DROP FOREIGN KEY file_problem_experiment', undef],
    ['ALTER TABLE file_problem ENGINE = Aria', 'table file_problem is "Aria" instead of "InnoDB"'],
    ['CREATE TABLE of_others (id INT)', undef],
    ['DROP TABLE synced_event', 'table synced_event is missing'],
);
my %expected;
for my $change (@changes) {
    my ($statement, $difference) = @$change;
    $server->sql('consumer', $statement);
    $expected{$difference} = 1 if $difference;
    my ($ending, @found) = $client->ask('check consumer');
    is_deeply([sort @found], [sort keys %expected], $difference // "nothing new after $statement");
}
done_testing;
