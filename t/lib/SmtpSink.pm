package SmtpSink;

# A mail server for tests: takes every message, or refuses in the way it is told to, and delivers nothing.
#
#   my $sink = SmtpSink->new(refuse => {'RCPT TO' => '450 not now'});
#   options: refuse (a reply for a verb), recipients (a reply for a pattern of addresses), port,
#            texts (a reply for a pattern of the message),
#            silent => 1 (never answers), thinking (seconds between a message and the reply to it)
#   $sink->url          "smtp://127.0.0.1:PORT", for the option smtp_url
#   $sink->messages     references to hashes: from, to (reference to an array), data (dots removed, LF line ends),
#                       connection (a number)
#   $sink->connections  how many there were
#   $sink->recipients   how many were offered

use strict;
use warnings;
use parent 'ScriptedServer';

sub new {
    my ($class, %options) = @_;
    return $class->SUPER::new(refuse => {}, %options, parallel => 1);
}

sub url { return "smtp://127.0.0.1:$_[0]{port}" }

sub messages { return grep { exists $_->{data} } $_[0]->recorded }

sub connections { return scalar grep { $_->{connected} } $_[0]->recorded }

sub recipients { return scalar grep { $_->{offered} } $_[0]->recorded }

sub converse {
    my ($self, $connection, $number) = @_;
    sleep 60 if $self->{silent};
    my %mail = (to => []);
    $self->record({connected => $number});
    print $connection "220 sink ready\r\n";
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        my $verb = $line =~ /^((?:MAIL FROM|RCPT TO)|\w+)/i ? uc $1 : '';
        if (my $reply = $self->{refuse}{$verb}) {
            print $connection "$reply\r\n";
            next;
        }
        if ($line =~ /^RCPT TO:\s*<([^>]*)>/i) {
            my $address = $1;
            $self->record({offered => $address});
            my ($pattern) = grep { $address =~ /$_/ } sort keys %{$self->{recipients} // {}};
            if ($pattern) {
                print $connection "$self->{recipients}{$pattern}\r\n";
                next;
            }
        }
        $mail{from} = $1 if $line =~ /^MAIL FROM:\s*<([^>]*)>/i;
        push @{$mail{to}}, $1 if $line =~ /^RCPT TO:\s*<([^>]*)>/i;
        if ($verb eq 'DATA') {
            print $connection "354 go on\r\n";
            $mail{data} = read_data($connection) // return;
            my ($pattern) = grep { $mail{data} =~ /$_/ } sort keys %{$self->{texts} // {}};
            if ($pattern) {
                print $connection "$self->{texts}{$pattern}\r\n";
                %mail = (to => []);
                next;
            }
            $self->record({%mail, connection => $number});
            sleep $self->{thinking} if $self->{thinking};
            %mail = (to => []);
        }
        print $connection $verb eq 'QUIT' ? "221 bye\r\n" : "250 ok\r\n";
        last if $verb eq 'QUIT';
    }
}

sub read_data {
    my ($connection) = @_;
    my $data = '';
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        return $data if $line eq '.';
        $line =~ s/^\.//;
        $data .= "$line\n";
    }
    return undef;
}

1;
