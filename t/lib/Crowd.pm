package Crowd;

# Thousands of experiments that the consumer follows, and what must be true of them whatever has happened.
#
#   my @ids = crowd($bed, 2000, 'some', @urls);   # uids some.1, some.2, ...; providers in turn
#   my $ticks = Crowd::Ticks->new($bed, @urls);   # each tick asks with a key of its own, tick-1, tick-2, ...
#   my $pid = $ticks->begin('--quiet');
#   $ticks->reap                  forgets those that have ended
#   $ticks->kill($pid)            with SIGKILL
#   $ticks->running               process ids
#   $ticks->ended                 by key: references to hashes status (as $?), at (seconds since 1970), pid
#   $ticks->finish(8)             so many at once until nothing is pending
#   is_deeply([broken_histories($bed)], [], 'every history is whole');
#   is_deeply([steps_doubled($provider, $interval, \%died)], [], 'no step was done twice');

use strict;
use warnings;
use Digest::SHA qw(sha512);
use Exporter qw(import);
use Followed;

our @EXPORT = qw(crowd broken_histories mail_once how_many steps_doubled);

# ($bed, $count, $name, @providers): puts them into the database, due now, and their files into the store: one each,
# which holds the uid. Returns their ids.
sub crowd {
    my ($bed, $count, $name, @providers) = @_;
    my $db = DBI->connect('DBI:MariaDB:mariadb_read_default_file=' . $bed->env('CONSUMER_DB_OPTIONS')
        . ';mariadb_read_default_group=tardis', undef, undef, {RaiseError => 1, PrintError => 0, AutoCommit => 0});
    my ($last) = $db->selectrow_array('SELECT COALESCE(MAX(id), 0) FROM experiment');
    my %insert = (
        experiment => "INSERT INTO experiment (id, title, description, institution, file_count, byte_count, created_at,
            updated_at) VALUES (?, ?, '', 'Facility', 1, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        dataset => "INSERT INTO dataset VALUES (?, 1, 'raw')",
        datafile => "INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size, digest_algorithm,
            digest) VALUES (?, 1, 1, 'a', 'raw/a', ?, 'SHA-512', ?)",
        synced => "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
            state_since, moved_at, next_attempt_at, created_at, updated_at) VALUES (?, ?, ?, REPEAT('x', 32),
            'Ingested', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
    );
    $_ = $db->prepare($_) for values %insert;
    $insert{datafile}->bind_param(3, undef, DBI::SQL_VARBINARY());
    for my $number (1 .. $count) {
        my ($id, $uid) = ($last + $number, "$name.$number");
        $insert{experiment}->execute($id, "Experiment $uid", length $uid);
        $insert{dataset}->execute($id);
        $insert{datafile}->execute($id, length $uid, sha512($uid));
        $insert{synced}->execute($id, $uid, $providers[$number % @providers]);
        put_files($bed, $id, {'raw/a' => $uid});
    }
    $db->commit;
    $db->disconnect;
    return map { $last + $_ } 1 .. $count;
}

# ($bed, $condition): how many experiments it is true of.
sub how_many {
    my ($bed, $condition) = @_;
    return scalar $bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE $condition");
}

# ($bed): what is wrong with histories. Each leads from Ingested to the state that the experiment is in, without a gap,
# never twice into the same state, and nothing happens after its end.
sub broken_histories {
    my ($bed) = @_;
    my (%at, %seen, @broken);
    my @events = $bed->sql('consumer', 'SELECT experiment_id, kind, from_state, to_state FROM synced_event ORDER BY id');
    for my $event (@events) {
        my ($id, $kind, $from, $to) = @$event;
        my $at = $at{$id} // 'Ingested';
        push @broken, "$id: $kind after $at" if $at =~ /^(?:Complete|FailPermanent)$/;
        next unless $kind eq 'transition' && defined $to;
        push @broken, "$id: $from -> $to, but it was at $at" if $from ne $at;
        push @broken, "$id: $to for the second time" if $seen{"$id $to"}++;
        $at{$id} = $to;
    }
    for my $row ($bed->sql('consumer', 'SELECT experiment_id, state FROM synced_experiment')) {
        my ($id, $state) = @$row;
        my $at = $at{$id} // 'Ingested';
        push @broken, "$id: is $state, but its history ends at $at" if $state ne $at;
    }
    return @broken;
}

# ($bed): what is wrong with the outbox, for one administrator: an experiment that has come to its end has one mail, any
# other none.
sub mail_once {
    my ($bed) = @_;
    return map { "$_->[0]: $_->[1], $_->[2] mails" } $bed->sql('consumer', "SELECT s.experiment_id, s.state,
        COUNT(n.id) AS mails FROM synced_experiment s LEFT JOIN notification n ON n.experiment_id = s.experiment_id
        GROUP BY s.experiment_id, s.state HAVING mails <> IF(s.state IN ('Complete', 'FailPermanent'), 1, 0)");
}

# ($provider, $interval, \%died): what the provider (a BusyProvider) was asked twice for one step. Two ticks may ask for
# the same thing one after the other if the first was answered and $interval has passed, or if it has not saved the
# answer: %died tells when, by the key of such a tick.
sub steps_doubled {
    my ($provider, $interval, $died) = @_;
    my (@double, %last);
    for my $now (sort { $a->{from} <=> $b->{from} } $provider->asked) {
        my $before = $last{$now->{uid}};
        $last{$now->{uid}} = $now;
        next if !$before || is_next_step($provider, $interval, $before, $now);
        my $free = $died->{$before->{key}};
        push @double, "$now->{uid}: $before->{what} by $before->{key}, then $now->{what} by $now->{key}"
            if !defined $free || $now->{from} < $free || $now->{what} ne $before->{what};
    }
    return @double;
}

sub is_next_step {
    my ($provider, $interval, $before, $now) = @_;
    return 0 if $now->{what} eq 'get' || $before->{key} eq $now->{key} || $provider->has_completed($before);
    return $now->{from} >= $before->{till} + ($before->{what} eq 'get' ? 0 : $interval);
}

package Crowd::Ticks;

use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

sub new {
    my ($class, $bed, @urls) = @_;
    return bless {bed => $bed, urls => \@urls, begun => 0, running => {}, ended => {}}, $class;
}

sub begin {
    my ($self, @options) = @_;
    my $bed = $self->{bed};
    my $key = 'tick-' . ++$self->{begun};
    my $file = $bed->dir . "/conf/$key";
    $bed->rewrite($file, "$key\n");
    chmod 0600, $file;
    my @sections = map { "provider \"$_\" {\n  key_file = \"$file\"\n}\n" } @{$self->{urls}};
    $bed->rewrite("$file.conf", join('', $bed->slurp($bed->env('CONSUMER_CONF')), @sections));
    my $pid = $bed->start('tardis-consumer', '--config', "$file.conf", 'tick', @options);
    $self->{running}{$pid} = $key;
    return $pid;
}

sub running { return keys %{$_[0]{running}} }

sub ended { return $_[0]{ended} }

sub reap {
    my ($self) = @_;
    for my $pid ($self->running) {
        $self->has_ended($pid) if waitpid($pid, WNOHANG) == $pid;
    }
}

sub has_ended {
    my ($self, $pid) = @_;
    $self->{ended}{delete $self->{running}{$pid}} = {status => $?, at => time, pid => $pid};
}

sub kill {
    my ($self, $pid) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    $self->has_ended($pid);
}

# (@pids): as if the leases that these have left had ended.
sub end_leases {
    my ($self, @pids) = @_;
    for my $pid (@pids) {
        $self->{bed}->sql('consumer', "UPDATE $_ SET next_attempt_at = UTC_TIMESTAMP(6),
            lease_until = UTC_TIMESTAMP(6) WHERE next_attempt_at IS NOT NULL AND lease_owner LIKE '%:$pid:%'")
            for qw(synced_experiment notification);
    }
}

# ($most, $seconds): what only the dead hold is waited for no longer, and nothing longer than $seconds (300). Whether
# nothing is pending.
sub finish {
    my ($self, $most, $seconds) = @_;
    my $end = time + ($seconds // 300);
    while (time < $end) {
        $self->reap;
        my $pending = $self->pending('');
        my $free = $self->pending(' AND (lease_owner IS NULL OR lease_until <= UTC_TIMESTAMP(6))');
        return 1 if !$self->running && !$pending;
        $self->end_leases(map { $_->{pid} } values %{$self->{ended}}) if !$self->running && !$free;
        $self->begin('--quiet') if $free && $self->running < $most;
        sleep 0.1;
    }
    return 0;
}

sub pending {
    my ($self, $which) = @_;
    my @both = map { "(SELECT COUNT(*) FROM $_ WHERE next_attempt_at IS NOT NULL$which)" }
        qw(synced_experiment notification);
    return scalar $self->{bed}->sql('consumer', "SELECT $both[0] + $both[1]");
}

1;
