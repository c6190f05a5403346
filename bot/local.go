package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey/bot/config"
	"rekey/bot/signed"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
	"rekey/state/local"
)

const noBotRuns = "no bot runs"

// errNotSure is returned where somebody did not confirm.
var errNotSure = errors.New("nothing was started")

// contain runs the bot in this process with its state in a file, has it start one
// emergency, and ends with it. It needs what the bot needs, but Redis: this is the
// bot, for as long as it lasts. Whoever decides does so by statements, from
// another terminal, or in Slack where that can be reached.
func contain(ctx context.Context, p process, c *config.Config, o lineOptions) error {
	if !c.CommandLine.Used() {
		return &misconfigured{errors.New("command_line: it is needed, because people decide by signed statements")}
	}
	p.print(p.out, "This runs Rekey here, without Redis, with its state in "+o.journal+". A bot that runs beside it, anywhere, would not know of it,\nand the two could end each other's keys. Stop every bot first, and start none before the journal was imported.\nType \""+noBotRuns+"\" to go on: ")
	if p.said() != noBotRuns {
		return errNotSure
	}
	log, err := logger(p, c.Log)
	if err != nil {
		return err
	}
	keys, err := readSecrets(c)
	if err != nil {
		return err
	}
	own, err := stood(c, keys.fingerprint, log)
	if err != nil {
		return err
	}
	journal, err := local.Open(o.journal)
	if err != nil {
		return err
	}
	defer closing(log, "the journal", journal)
	detached(c)
	c.Announce = config.Announce{} // what is due is of no interest today
	program, err := build(c, keys, journal, log)
	if err != nil {
		return err
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- program.run(within, c.Engine.Shutdown)
	}()
	s := speaker{process: p, options: o, client: signed.Client{
		At: c.CommandLine.Listen, Installation: c.Installation, Life: statementLife, Patience: linePatience, Sign: signed.Keygen(o.key, p.env, p.err),
	}}
	err = s.cry(within, c, journal)
	if err == nil {
		err = s.follow(within, journal)
	}
	stop()
	if failed := <-ended; failed != nil {
		return errors.Join(failed, err)
	}
	if err != nil {
		return err
	}
	if err := (attendant{p, c, keys, log}).after(ctx, journal, own); err != nil {
		return err
	}
	p.print(p.out, "It is over, and all of it is in "+o.journal+". Before a bot is started again: rekey import-journal "+o.journal+" --config "+o.config+"\n")
	return nil
}

// cry starts the emergency, unless the journal has one that is to go on.
func (s speaker) cry(ctx context.Context, c *config.Config, journal *local.Journal) error {
	ready, cancel := context.WithTimeout(ctx, c.CommandLine.Timeout)
	defer cancel()
	if err := signed.Await(ready, c.CommandLine.Listen); err != nil {
		return err
	}
	open, err := unfinished(ctx, journal)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		s.print(s.out, "The journal has a rotation that is not over; it goes on.\n")
		return nil
	}
	line, about := cried(signed.Emergency, s.options.words)
	a, err := s.send(ctx, signed.Statement{Act: signed.Emergency, Line: line}, about)
	if err != nil {
		return err
	}
	s.show(a)
	if open, err = unfinished(ctx, journal); err == nil && (a.Failed || len(open) == 0) {
		err = errNotSure
	}
	return err
}

// unfinished are the records of rotations that are not over.
func unfinished(ctx context.Context, lists state.Lists) ([]state.Record, error) {
	open, err := lists.Open(ctx)
	var all []state.Record
	for _, r := range open {
		if !rotation.IsDigest(r.Key) {
			all = append(all, r)
		}
	}
	return all, err
}

// follow tells what happens until nothing is open, or until ctx ends.
func (s speaker) follow(ctx context.Context, journal *local.Journal) error {
	news, err := journal.News(ctx)
	if err != nil {
		return err
	}
	told := map[string]int64{}
	for range news {
		open, err := unfinished(ctx, journal)
		if err != nil {
			return err
		}
		closed, err := journal.Closed(ctx, 100)
		if err != nil {
			return err
		}
		for _, r := range append(open, closed...) {
			if err := s.tell(ctx, journal, r, told); err != nil {
				return err
			}
		}
		if len(open) == 0 {
			return nil
		}
	}
	return errors.New("it was stopped and is not over; the same command with the same journal goes on")
}

// tell prints the entries of one journal that are for people.
func (s speaker) tell(ctx context.Context, journal *local.Journal, r state.Record, told map[string]int64) error {
	events, err := journal.Events(ctx, r.Key, told[r.Key], 10_000)
	if err != nil {
		return err
	}
	for _, row := range events {
		told[r.Key] = row.Seq
		e, err := event.Decode(row.Seq, row.Body)
		if err != nil {
			return err
		}
		if !e.Posted() {
			continue
		}
		s.print(s.out, strings.TrimSpace(e.At.UTC().Format("15:04:05 UTC ")+of(r)+string(e.Kind)+" "+signed.Here(e.Text))+"\n")
		if e.Kind == event.Card {
			s.print(s.out, fmt.Sprintf("  Somebody who may approve: %s --to %s --installation %s --key KEY\n", deciding(e), s.client.At, s.client.Installation))
		}
	}
	return nil
}

// of names the secret that a record is about, "" for a batch.
func of(record state.Record) string {
	for _, r := range rotation.Among([]state.Record{record}) {
		return r.Secret + " "
	}
	return ""
}

// deciding is what somebody types on a request.
func deciding(e event.Event) string {
	if e.Facts["about"] == rotation.AboutVault {
		return "rekey vault-closed NAME, or rekey vault-not-leak NAME,"
	}
	return "rekey approve NAME"
}

// runImport brings a journal into Redis.
func runImport(ctx context.Context, args []string, p process) int {
	o, err := parseLine(args, p)
	switch {
	case err != nil:
		return p.misused(err.Error())
	case len(o.words) != 1 || o.config == "":
		return p.misused("a journal and --config are needed")
	}
	return p.loaded(o.config, func(c *config.Config) error { return importJournal(ctx, p, c, o.words[0]) })
}

func importJournal(ctx context.Context, p process, c *config.Config, path string) error {
	log, err := logger(p, c.Log)
	if err != nil {
		return err
	}
	keys, err := readSecrets(c)
	if err != nil {
		return err
	}
	journal, err := local.Open(path)
	if err != nil {
		return err
	}
	defer closing(log, "the journal", journal)
	store, err := openStore(ctx, c, keys, log)
	if err != nil {
		return err
	}
	defer closing(log, "Redis", store)
	done, err := journal.CopyTo(ctx, store, func(key string) bool { return !rotation.IsDigest(key) })
	p.print(p.out, fmt.Sprintf("%s in Redis: %s\n", counted(len(done), "record"), strings.Join(done, ", ")))
	var taken *state.SlotError
	if errors.As(err, &taken) {
		return fmt.Errorf("%w; Redis has a rotation that is open (%s): start the bot, settle or cancel that one, stop the bot, and import again", err, taken.Holder)
	}
	if err == nil {
		p.print(p.out, "A bot may be started: threads are told what they have not heard, and what is open goes on. Keep the journal.\n")
	}
	return err
}
