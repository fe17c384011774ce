#!/usr/bin/perl
# The texts of mail come from files, which are checked before anything is done; no value gets out of its place.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Encode qw(encode);
use File::Path qw(make_path);
use Followed;
use Outbox;
use POSIX ();
use SmtpSink;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $sink = SmtpSink->new;
my $directory = $bed->dir . '/mail';
my $shipped = $bed->env('TARDIS_SOURCE_DIR') . '/conf/mail';
my @files = map { s{.*/}{}r } glob("$shipped/*.txt");
make_path($directory);
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');
$bed->set_option('consumer', 'mail_template_directory', "\"$directory\"");

# ($name, $text): a template; without a text the one that is installed.
sub put_template {
    my ($name, $text) = @_;
    unlink "$directory/$name";
    Testbed::Files::put("$directory/$name", 0644, $text // $bed->slurp("$shipped/$name"));
    return;
}

sub ending {
    my (%more) = @_;
    my $id = follow($bed, state => 'CheckingIntegrity', files => {a => 'x'}, %more);
    put_files($bed, $id, {a => $more{content} // 'x'});
    return $id;
}

is_deeply(\@files, [qw(complete.txt digest.txt failed.txt)], 'the templates that are installed');
put_template($_) for @files;

subtest 'what is wrong' => sub {
    my $id = ending();
    my %wrong = (
        'an unknown variable' => ['failed.txt', "Subject: a\n\nb\n{{nobody}}\n", qr/failed\.txt:4: \{\{nobody\}\} is not known here; there are: id, /],
        'no subject' => ['complete.txt', "It is complete.\n", qr/complete\.txt:1: the first line has to be "Subject:/],
        'nothing' => ['complete.txt', '', qr/complete\.txt:1: there is no line "Subject:/],
        'Latin-1' => ['digest.txt', "Subject: a\n\nb\xe4\n", qr/digest\.txt:3: this line is not UTF-8/],
        'a NUL' => ['digest.txt', "Subject: a\n\n\0\n", qr/digest\.txt:3: this line is not UTF-8, or has a control character/],
        'too much' => ['failed.txt', "Subject: a\n\n" . "b\n" x 40000, qr/failed\.txt: larger than 65536 bytes/],
        'a directory' => ['failed.txt', undef, qr/failed\.txt: not a regular file/],
        'a FIFO' => ['digest.txt', undef, qr/digest\.txt: not a regular file/],
        'no file' => ['complete.txt', undef, qr/complete\.txt: No such file or directory/],
    );
    my $line = qr/\Q@{[$bed->env('CONSUMER_CONF')]}\E:1: mail_template_directory \Q$directory\E/;
    for my $what (sort keys %wrong) {
        my ($name, $text, $error) = @{$wrong{$what}};
        unlink "$directory/$name";
        put_template($name, $text) if defined $text;
        mkdir "$directory/$name" if $what eq 'a directory';
        POSIX::mkfifo("$directory/$name", 0644) if $what eq 'a FIFO';
        for my $command (['tick'], ['cancel', '--reason', 'enough', $id], ['config', 'show']) {
            my ($status, $out, $err) = $bed->run('tardis-consumer', @$command);
            is($status, 78, "$what: $command->[0] fails");
            like($err, qr/$line\/$error.*\[config_invalid\]/, 'and names what and where');
            like($out, $command->[0] eq 'config' ? qr/^mail_template_directory = /m : qr/\A\z/, 'and prints no more');
        }
        is(state($bed, $id), 'CheckingIntegrity', 'nothing was done');
        my ($status) = $bed->run('tardis-consumer', 'why', $id);
        is($status, 0, 'what only reads goes on');
        rmdir "$directory/$name" if -d "$directory/$name";
        put_template($name);
    }
    $bed->set_option('consumer', 'mail_template_directory', '"mail"');
    my ($status, $out, $err) = tick($bed);
    like($err, qr/mail_template_directory must be set to an absolute directory/, 'a relative directory');
    $bed->set_option('consumer', 'mail_template_directory', "\"$directory\"");
    ($status, $out, $err) = tick($bed);
    is(state($bed, $id), 'Complete', 'all is well once they are mended') or diag $err;
    is(scalar $sink->messages, 1, 'and mail is sent');
};

subtest 'other texts' => sub {
    put_template('complete.txt', encode('UTF-8', "# ours\nSubject: {{id}} ist vollst\x{e4}ndig\n\n{{title}} ({{ uid }}, {{files}} Dateien, "
        . "{{bytes}})\nvon {{provider}}\n{{state_before}} -> {{state}}\n{{directory}}\n{{url}}\n{{command}}\n{{program}}\n"));
    my $id = ending(title => 'Protein');
    my $uid = row($bed, $id, 'uid');
    tick($bed);
    my ($headers, $text) = parse_mail(($sink->messages)[-1]);
    is($headers->{subject}, "$id ist vollst\x{e4}ndig", 'a subject of ours');
    my $program = 'tardis-consumer --config ' . $bed->env('CONSUMER_CONF');
    is($text, "Protein ($uid, 1 Dateien, 1 B)\nvon http://127.0.0.1:9\nCheckingIntegrity -> Complete\n"
        . $bed->env('CONSUMER_STORE') . "/$id\n" . $bed->env('CONSUMER_URL') . "/experiment/view/$id\n"
        . "$program show $id\n$program\n", 'and every value in its place');
    put_template('failed.txt', "Subject: {{error_code}}\n\n{{error_text}}|{{fault}}|{{advice}}|{{command}}\n");
    $id = ending(content => 'y');
    tick($bed);
    ($headers, $text) = parse_mail(($sink->messages)[-1]);
    is($headers->{subject}, 'digest_mismatch', 'a failure too');
    like($text, qr/^1 of 1 files .*\|data\|The file's .*\|\Q$program\E retry $id\n\z/, 'with its cause');
    $bed->set_option('consumer', 'base_url', undef);
    $bed->set_option('consumer', 'mail_digest_threshold', 1);
    put_template('digest.txt', "Subject: {{total}}: {{summary}}\n\n{{complete_list}}\n{{failed}}\n{{url_of_nothing}}\n");
    my ($status, $out, $err) = tick($bed);
    like($err, qr/digest\.txt:5: \{\{url_of_nothing\}\} is not known/, 'each template has variables of its own');
    put_template('digest.txt', "Subject: {{total}}: {{summary}}\n\n{{complete_list}}\n{{failed}}\n");
    my @ids = map { ending(title => "t$_") } 1, 2;
    tick($bed);
    ($headers, $text) = parse_mail(($sink->messages)[-1]);
    is($headers->{subject}, '2: 2 experiments are complete', 'a digest too');
    like($text, qr/\A    $ids[0] +t1\n    $ids[1] +t2\n\z/, 'where a line without a value is left out');
    $bed->set_option('consumer', 'mail_digest_threshold', undef);
};

subtest 'hostile values' => sub {
    put_template($_) for @files;
    put_template('complete.txt', "Subject: {{title}}\n\n{{title}}\n");
    my $before = $sink->messages;
    my @hostile = ("a\r\nBcc: eve\@example.org\r\n\r\nbody", "{{uid}} {{nobody}} {{", "a\n.\nQUIT\n", "\x{2028}\x{85}\x{9b}2J b",
        '=?UTF-8?B?ZXZpbA==?=', '%s%n%s', "\x{1F600}" x 400, 'x' x 5000);
    for my $title (@hostile) {
        my $id = ending(title => encode('UTF-8', substr($title, 0, 400)));
        tick($bed);
        my $mail = ($sink->messages)[-1];
        my ($headers, $text) = eval { parse_mail($mail) };
        is(join(' ', sort keys %{$headers // {}}), 'auto-submitted content-transfer-encoding content-type date from'
            . ' message-id mime-version subject to', 'the headers that there are') or diag $mail->{data};
        is(($text =~ tr/\n//), 1, 'one line of text');
        unlike($mail->{data}, qr/[^\x09\x0a\x20-\x7e]/, 'plain ASCII');
        unlike($text, qr/[\x00-\x09\x0b-\x1f\x7f-\x9f]/, 'no control character in it');
        cmp_ok(length $headers->{subject}, '<=', 250, 'a subject of some length');
    }
    is($sink->messages - $before, @hostile, 'one mail each');
    my ($headers, $text) = parse_mail(($sink->messages)[$before + 1]);
    is($text, "{{uid}} {{nobody}} {{\n", 'braces stay what they are');
    ($headers, $text) = parse_mail(($sink->messages)[$before + 4]);
    is($headers->{subject}, '=?UTF-8?B?ZXZpbA==?=', 'and an encoded word');
};

subtest 'what is in the outbox stays as it was written' => sub {
    put_template('complete.txt', "Subject: old\n\nold\n");
    my $port = $sink->port;
    $sink->stop;
    ending();
    tick($bed);
    $sink = SmtpSink->new(port => $port);
    put_template('complete.txt', "Subject: new\n\nnew\n");
    make_due($bed);
    tick($bed);
    my ($headers, $text) = parse_mail(($sink->messages)[0]);
    is("$headers->{subject} $text", "old old\n", 'with the template of its time');
};

subtest 'the manual' => sub {
    my $page = $bed->slurp($bed->env('TARDIS_SOURCE_DIR') . '/man/tardis-consumer.conf.5');
    my ($templates) = $page =~ /^\.Sh MAIL TEMPLATES\n(.*?)^\.Sh /ms;
    my %told = map { $_ => 1 } map { split / , / } $templates =~ /^\.It Li (.*)$/mg;
    my ($status, $out, $err);
    for my $name (@files) {
        put_template($name, "Subject: a\n\n{{?}}\n");
        ($status, $out, $err) = tick($bed);
        my ($known) = $err =~ /there are: ([a-z_, ]+[a-z])/;
        ok($told{$_}, "$name: $_ is in the manual") && $told{$_}++ for split /, /, $known // 'nothing';
        put_template($name);
    }
    is_deeply([grep { $told{$_} == 1 } sort keys %told], [], 'and nothing that is not there');
};

done_testing;
