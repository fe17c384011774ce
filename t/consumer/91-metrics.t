#!/usr/bin/perl
# metrics keeps to the grammar of the text exposition format, tells the truth about each state, and replaces a
# file at once and whole.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my @states = qw(Ingested Requested InProgress CheckingIntegrity Complete FailPermanent);
my @pending = @states[0 .. 3];

# ($text): the samples by name and labels, as "name{label="value"}" => value. Each line is held against the
# grammar: https://prometheus.io/docs/instrumenting/exposition_formats/
sub parse {
    my ($text) = @_;
    my (%sample, %help, %type, @wrong, $current, %finished);
    push @wrong, 'no line feed at the end' if $text !~ /\n\z/;
    my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
    my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"/;
    for my $line (split /\n/, $text, -1) {
        if ($line =~ /^# HELP ($name) ((?:[^\\]|\\[\\n])+)\z/) {
            push @wrong, "a second help: $line" if $help{$1}++;
            $finished{$current} = 1 if defined $current;
            $current = $1;
        } elsif ($line =~ /^# TYPE ($name) (gauge|counter)\z/) {
            my ($metric, $type) = ($1, $2);
            push @wrong, "a second or late type: $line" if $type{$metric}++ || $metric ne $current;
            push @wrong, "not what a counter is called: $line"
                if ($type eq 'counter') != ($metric =~ /_total\z/);
        } elsif ($line =~ /^($name)(\{$label(?:,$label)*\})? (-?\d+(?:\.\d+)?)\z/) {
            my ($metric, $labels, $value) = ($1, $2 // '', $3);
            push @wrong, "a sample of another metric: $line" if $metric ne $current || $finished{$metric};
            push @wrong, "no type before: $line" unless $type{$metric};
            push @wrong, "twice: $line" if exists $sample{"$metric$labels"};
            $sample{"$metric$labels"} = $value;
        } elsif ($line ne '') {
            push @wrong, "no line of the format: $line";
        }
    }
    is_deeply(\@wrong, [], 'the grammar is kept');
    return \%sample;
}

sub metrics {
    my ($status, $out, $err) = $bed->run('tardis-consumer', 'metrics', @_);
    is($status, 0, 'it works') or diag $err;
    return parse($out);
}

# ($sample, $name, $state): a value of a state.
sub of { return $_[0]{"tardis_consumer_$_[1]\{state=\"$_[2]\"}"} }

# ($sample): what ticks have done, by the name of the metric; there is one host only.
sub of_ticks {
    my ($sample) = @_;
    my %of;
    for (keys %$sample) {
        $of{$1} = $sample->{$_} if /^tardis_consumer_(\w+)\{host="[^"]+"\}\z/;
    }
    return \%of;
}

subtest 'nothing is there' => sub {
    my $sample = metrics();
    is(of($sample, 'experiments', $_), 0, "$_ is there with 0") for @states;
    is(of($sample, 'oldest_pending_age_seconds', $_), '0.000', "$_: no age") for @pending;
    is($sample->{tardis_consumer_mails_waiting}, 0, 'no mail');
    is(scalar(grep { /^tardis_consumer_errors/ } keys %$sample), 0, 'no error');
};

subtest 'what is there' => sub {
    my %files = ('raw/a' => 'alpha', 'raw/b' => 'beta');
    my @ingested = map { follow($bed, files => \%files, due => 1000) } 1 .. 3;
    my $late = follow($bed, state => 'Requested');
    my $held = follow($bed, state => 'Requested');
    my $dead = follow($bed, state => 'InProgress');
    my $complete = follow($bed, state => 'Complete', files => \%files);
    my $failed = follow($bed, state => 'FailPermanent');
    my $stopped = follow($bed, state => 'CheckingIntegrity');
    my $strange = follow($bed, state => "Tran\"s\\c\nendent");
    my $set = sub {
        my ($id, $what) = @_;
        $bed->sql('consumer', "UPDATE synced_experiment SET $what WHERE experiment_id = ?", $id);
    };
    $set->($ingested[0], 'state_since = state_since - INTERVAL 1000 SECOND');
    $set->($ingested[1], "error_code = 'provider_timeout'");
    $set->($ingested[2], "error_code = 'provider_timeout'");
    $set->($late, 'next_attempt_at = UTC_TIMESTAMP(6) - INTERVAL 500 SECOND');
    my %lease = ($held => '+ INTERVAL 1000 SECOND', $dead => '- INTERVAL 100 SECOND');
    $set->($_, "lease_owner = 'a', lease_until = UTC_TIMESTAMP(6) $lease{$_},
        next_attempt_at = UTC_TIMESTAMP(6) - INTERVAL 2000 SECOND") for sort keys %lease;
    $set->($complete, 'next_attempt_at = NULL, checked_through = 2, bytes_checked = 9');
    $set->($stopped, 'next_attempt_at = NULL');
    $set->($failed, "next_attempt_at = NULL, error_code = 'nobody_knows'");
    $bed->sql('consumer', "INSERT INTO notification
        (experiment_id, recipient, subject, body, created_at, sent_at, next_attempt_at) VALUES
        (?, 'a', 's', 'b', UTC_TIMESTAMP(6) - INTERVAL 700 SECOND, NULL, UTC_TIMESTAMP(6)),
        (?, 'a', 's', 'b', UTC_TIMESTAMP(6) - INTERVAL 900 SECOND, UTC_TIMESTAMP(6), NULL)",
        $failed, $failed);
    my $sample = metrics();
    is_deeply([map { of($sample, 'experiments', $_) } @states], [3, 2, 1, 1, 1, 1], 'experiments by state');
    is(of($sample, 'experiments', 'Tran\\"s\\\\c\\nendent'), 1, 'an unknown state, escaped');
    cmp_ok(of($sample, 'oldest_pending_age_seconds', 'Ingested'), '>=', 1000, 'the oldest counts');
    cmp_ok(of($sample, 'oldest_pending_age_seconds', 'Requested'), '<', 1000, 'in its own state');
    is(of($sample, 'oldest_pending_age_seconds', 'Complete'), undef, 'what is complete does not age');
    is_deeply([map { of($sample, 'due', $_) } @pending], [0, 1, 1, 0], 'due are those that nobody holds');
    my $longest = of($sample, 'longest_due_age_seconds', 'Requested');
    ok($longest >= 500 && $longest < 2000, 'since when') or diag $longest;
    is(of($sample, 'longest_due_age_seconds', 'Ingested'), '0.000', 'what is not due is not late');
    is_deeply([map { of($sample, 'held', $_) } @pending], [0, 0, 0, 1], 'what is held');
    is_deeply([map { of($sample, 'leases_held', $_) } @pending], [0, 1, 0, 0], 'leases held');
    is_deeply([map { of($sample, 'leases_expired', $_) } @pending], [0, 0, 1, 0], 'leases expired');
    is_deeply([map { of($sample, $_, 'Ingested') } qw(checked_files checked_bytes)], [0, 0], 'nothing is proven');
    is_deeply([map { of($sample, $_, 'Complete') } qw(checked_files checked_bytes)], [2, 9], 'what is proven');
    my ($files, $bytes) = @{($bed->sql('consumer', 'SELECT COUNT(*), SUM(size) FROM datafile'))[0]};
    is($sample->{tardis_consumer_promised_files}, $files, 'files that are promised');
    is($sample->{tardis_consumer_promised_bytes}, $bytes, 'and their bytes');
    my %errors = map { $_ => $sample->{$_} } grep { /_errors/ } keys %$sample;
    is_deeply(\%errors, {
        'tardis_consumer_errors{state="Ingested",code="provider_timeout",fault="network"}' => 2,
        'tardis_consumer_errors{state="FailPermanent",code="nobody_knows",fault="unknown"}' => 1,
    }, 'errors by code');
    is($sample->{tardis_consumer_mails_waiting}, 1, 'mail that waits');
    my $age = $sample->{tardis_consumer_oldest_mail_age_seconds};
    ok($age >= 700 && $age < 900, 'and since when');
};

subtest 'what ticks have done' => sub {
    settle($bed);
    $bed->sql('consumer', 'DELETE FROM notification');
    is_deeply(of_ticks(metrics()), {}, 'no tick has run');
    my %files = ('raw/a' => 'alpha', 'raw/b' => 'beta');
    my $id = follow($bed, state => 'CheckingIntegrity', files => \%files);
    put_files($bed, $id, \%files);
    my ($bad, $unread) = map { follow($bed, state => 'CheckingIntegrity', files => $_) }
        {'raw/c' => 'gamma'}, {'raw/d' => {content => 'delta', digest => undef}};
    put_files($bed, $bad, {'raw/c' => 'gamna'});
    put_files($bed, $unread, {'raw/d' => 'delta'});
    is((tick($bed))[0], 0, 'a tick');
    my $first = of_ticks(metrics());
    my %counted = map { $_ => $first->{$_} } grep { /_total\z/ && !/seconds/ } keys %$first;
    is_deeply(\%counted, {ticks_total => 1, ticks_failed_total => 0, steps_total => 3, step_errors_total => 0,
        completed_total => 2, failed_total => 1, bytes_checked_total => 14, mails_sent_total => 0},
        'is counted; what has no digest was not read');
    is($first->{tick_seconds_total}, $first->{last_tick_seconds}, 'the first is all there was');
    cmp_ok($first->{last_tick_seconds}, '>', 0, 'it took its time');
    my ($now) = map { $_->[0] } $bed->sql('consumer', 'SELECT UNIX_TIMESTAMP(NOW(6))');
    cmp_ok(abs($now - $first->{last_tick_end_timestamp_seconds}), '<', 600, 'and ended a moment ago');

    $bed->sql('consumer', 'DELETE FROM notification');
    is((tick($bed))[0], 0, 'a tick with nothing to do');
    my $second = of_ticks(metrics());
    is($second->{ticks_total}, 2, 'is counted as well');
    is($second->{$_}, $first->{$_}, "and adds no $_")
        for qw(steps_total completed_total failed_total bytes_checked_total ticks_failed_total);
    cmp_ok($second->{last_tick_end_timestamp_seconds}, '>', $first->{last_tick_end_timestamp_seconds},
        'the last end moves');
    cmp_ok($second->{tick_seconds_total}, '>', $first->{tick_seconds_total}, 'the time of both is added');

    $bed->sql('consumer', 'RENAME TABLE synced_event TO elsewhere');
    follow($bed, state => 'CheckingIntegrity', files => \%files);
    isnt((tick($bed))[0], 0, 'a tick that fails');
    $bed->sql('consumer', 'RENAME TABLE elsewhere TO synced_event');
    my $third = of_ticks(metrics());
    is_deeply([@$third{qw(ticks_total ticks_failed_total)}], [3, 1], 'is counted as one');
    settle($bed);
    $bed->sql('consumer', 'RENAME TABLE tick_figures TO elsewhere');
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'a tick whose figures cannot be kept succeeds');
    like($err, qr/figures of this tick: .*metrics will not tell of it/, 'and warns');
    $bed->sql('consumer', 'RENAME TABLE elsewhere TO tick_figures');
    is_deeply(of_ticks(metrics()), $third, 'nothing is counted of it');
};

subtest 'into a file' => sub {
    my $directory = $bed->dir . '/textfile';
    mkdir $directory or die "$directory: $!\n";
    my $file = "$directory/tardis.prom";
    umask 077;
    my ($status, $out, $err) = $bed->run('tardis-consumer', 'metrics', '--output', $file);
    is("$status$out$err", '0', 'it is silent');
    is(sprintf('%o', (stat $file)[2] & 07777), '644', 'everybody may read the file');
    is(of(parse($bed->slurp($file)), 'experiments', 'Ingested'), 3, 'it holds the figures');
    open(my $old, '<', $file) or die "$file: $!\n";
    my $before = (stat $old)[1];
    $bed->run('tardis-consumer', 'metrics', '--output', $file);
    isnt((stat $file)[1], $before, 'a new file takes the place of the old one');
    is(join('', <$old>) =~ /\n\z/, 1, 'whoever had opened the old one reads it to its end');
    opendir(my $handle, $directory) or die "$directory: $!\n";
    is_deeply([grep { !/^\.\.?$/ } readdir $handle], ['tardis.prom'], 'nothing else is left there');
    mkdir "$directory/taken.prom" or die "mkdir: $!\n";
    for my $where ("$directory/nowhere/tardis.prom", "$directory/taken.prom") {
        ($status, $out, $err) = $bed->run('tardis-consumer', 'metrics', '--output', $where);
        is($status, 74, 'a file that cannot be written is an error');
        like($err, qr/\[io_error\]/, 'that is told');
    }
    rewinddir $handle;
    is_deeply([sort grep { !/^\.\.?$/ } readdir $handle], ['taken.prom', 'tardis.prom'],
        'and leaves nothing behind');
};

done_testing;
