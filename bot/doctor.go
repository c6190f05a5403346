package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rekey/bot/chat"
	"rekey/bot/config"
	"rekey/internal/finding"
	"rekey/rotation"
	"rekey/state/redis"
)

// physician looks at everything around the program and changes nothing. Each
// look knows one side of the outside; those that need one another's answers
// are one look.
type physician struct {
	config   *config.Config
	keys     secrets
	subjects []rotation.Subject
	log      *slog.Logger
	running  *chat.Chat // by whose leave Slack is asked; nil where no bot runs
}

// look is one of the things done at the same time.
type look struct {
	at string // for people, should it not end
	do func(ctx context.Context) []finding.Finding
}

// looksAtOnce bounds how many looks run beside each other.
const looksAtOnce = 8

// Examine makes all looks and returns what they found, in an order of their
// own. It ends even where a look does not.
func (p *physician) Examine(ctx context.Context) []finding.Finding {
	looks := p.looks()
	found := make([][]finding.Finding, len(looks))
	var group errgroup.Group
	group.SetLimit(looksAtOnce)
	for i, l := range looks {
		group.Go(func() error {
			found[i] = l.within(ctx, p.config.Doctor.Timeout)
			return nil
		})
	}
	_ = group.Wait() // no look returns an error
	return slices.Concat(append([][]finding.Finding{p.sources(), p.expiries(time.Now()), signersFound(p.config, time.Now())}, found...)...)
}

// within makes a look and goes away when its time is over, should the look
// itself not notice.
func (l look) within(ctx context.Context, limit time.Duration) []finding.Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []finding.Finding, 1)
	go func() { done <- l.do(ctx) }()
	grace := time.NewTimer(limit + time.Second)
	defer grace.Stop()
	select {
	case found := <-done:
		return found
	case <-grace.C:
		return []finding.Finding{finding.Open(l.at, "The look did not end in "+limit.String()+".", "Ask again, or give it longer: doctor.timeout.")}
	}
}

func (p *physician) looks() []look {
	all := []look{
		{"Slack", p.slack},
		{"Redis", p.redis},
		{"Infisical", p.vault},
	}
	for name, e := range p.config.Environments.Each() {
		all = append(all, look{"Deploy target of " + name, func(ctx context.Context) []finding.Finding { return p.target(ctx, name) }})
		for _, c := range e.Checks {
			all = append(all, look{"Check " + c.Name, func(ctx context.Context) []finding.Finding { return p.check(ctx, name, c) }})
		}
	}
	all = append(all, p.hookLooks()...)
	for _, s := range p.subjects {
		all = append(all, look{s.Name, func(ctx context.Context) []finding.Finding { return p.secret(ctx, s) }})
	}
	return all
}

// sources says which secrets cannot be read or may be read by others.
func (p *physician) sources() []finding.Finding {
	const looked = "Files and variables with secrets"
	var wrong []finding.Finding
	for _, s := range p.config.Sources() {
		_, err := s.Read()
		switch {
		case err != nil:
			wrong = append(wrong, finding.Bad(looked, err.Error()+".", "Put the secret there, readable by the user that Rekey runs as."))
		case s.Warning() != "":
			wrong = append(wrong, finding.Bad(looked, s.Warning()+".", "Take the right to read from everybody else."))
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return []finding.Finding{finding.Good(looked, fmt.Sprintf("All %d can be read, by nobody else.", len(p.config.Sources())))}
}

// expiries says which admin credentials end by themselves, where the
// configuration says when, and which of them so soon that the digest names them.
func (p *physician) expiries(now time.Time) []finding.Finding {
	var all []finding.Finding
	for _, name := range names(p.config) {
		ends := p.config.Secrets[name].Admin.Ends()
		looked, found := "Expiry of the admin credential for "+name, "It ends on "+ends.Format(time.DateOnly)+"."
		switch {
		case ends.IsZero():
		case ends.Sub(now) > p.config.Announce.Within:
			all = append(all, finding.Good(looked, found))
		default:
			all = append(all, finding.Bad(looked, found, "Make another one, put it where Rekey reads it, and write its day into expires."))
		}
	}
	return all
}

func (p *physician) slack(ctx context.Context) []finding.Finding {
	if p.running != nil {
		return p.running.Examine(ctx, rules(p.config), p.config.Doctor.Clock)
	}
	return chat.Examine(ctx, chatConfig(p.config, p.keys, replica(), p.log), rules(p.config), p.config.Doctor.Clock)
}

// rules are whose approval each secret needs, secrets with the same people
// together.
func rules(c *config.Config) []chat.Rule {
	var all []chat.Rule
	for _, name := range names(c) {
		policy := c.Secrets[name].Policy
		r := chat.Rule{Secrets: []string{name}, Approvers: chat.People(policy.Approvers), Quorum: policy.Quorum, SelfApproval: policy.SelfApproval}
		same := slices.IndexFunc(all, func(o chat.Rule) bool {
			return o.Quorum == r.Quorum && o.SelfApproval == r.SelfApproval && o.Approvers.Group == r.Approvers.Group && slices.Equal(o.Approvers.Users, r.Approvers.Users)
		})
		if same < 0 {
			all = append(all, r)
			continue
		}
		all[same].Secrets = append(all[same].Secrets, name)
	}
	return all
}

func (p *physician) redis(ctx context.Context) []finding.Finding {
	options, err := storeConfig(p.config, p.keys, p.log)
	var names []string
	var found []redis.Finding
	if err == nil {
		names, found, err = redis.Look(ctx, options)
	}
	if err != nil {
		return []finding.Finding{finding.Bad("Redis", err.Error()+".", "Look at the server, its address and its password.")}
	}
	var all []finding.Finding
	for _, name := range names {
		at := slices.IndexFunc(found, func(f redis.Finding) bool { return f.Name == name })
		if at < 0 {
			all = append(all, finding.Good("Redis, "+name, "As it must be."))
			continue
		}
		all = append(all, p.durable("Redis, "+name, found[at]))
	}
	return all
}

// durable judges one setting as the start of the program does.
func (p *physician) durable(looked string, f redis.Finding) finding.Finding {
	switch {
	case f.Readable:
		return finding.Bad(looked, capital(f.Problem)+".", "Change the server's setting, or use another server: Rekey does not start on this one.")
	case p.config.Redis.Durability != "":
		return finding.Open(looked, "It "+f.Problem+"; that was accepted.", "Make sure yourself that the server keeps an append-only file and evicts nothing.")
	default:
		return finding.Bad(looked, "It "+f.Problem+", so Rekey does not start.", "Make sure of it yourself and write redis: durability: accepted.")
	}
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// errUnwell ends the subcommand when something is wrong; what, was printed.
var errUnwell = errors.New("something is wrong; what to do stands beside it")

// runDoctor is the subcommand.
func runDoctor(ctx context.Context, args []string, p process) int {
	flags := flag.NewFlagSet("rekey doctor", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	return p.withFlags(flags, "the options are --config and a file, and --json", args, func(c *config.Config) error {
		healthy, err := doctor(ctx, p.out, c, *asJSON)
		if err == nil && !healthy {
			err = errUnwell
		}
		return err
	})
}

// doctor is the subcommand's work: it prints what was found and reports whether
// anything is wrong. What cannot be told is no fault.
func doctor(ctx context.Context, out io.Writer, c *config.Config, asJSON bool) (healthy bool, err error) {
	log := slog.New(slog.DiscardHandler)
	keys, _ := readSecrets(c) // what cannot be read is a finding
	subjects, err := subjects(c, keys.fingerprint, log)
	if err != nil {
		return false, err
	}
	found := (&physician{config: c, keys: keys, subjects: subjects, log: log}).Examine(ctx)
	healthy = !slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Verdict == finding.Wrong })
	if asJSON {
		return healthy, json.NewEncoder(out).Encode(map[string]any{"ok": healthy, "findings": found})
	}
	return healthy, printFindings(out, found)
}

// printFindings writes what is wrong last, where a terminal shows it.
func printFindings(out io.Writer, found []finding.Finding) error {
	var text strings.Builder
	for _, verdict := range []finding.Verdict{finding.OK, finding.Unclear, finding.Wrong} {
		for _, f := range found {
			if f.Verdict != verdict {
				continue
			}
			fmt.Fprintf(&text, "%-11s  %s: %s\n", f.Verdict, f.Looked, f.Found)
			if f.Do != "" {
				fmt.Fprintf(&text, "%-11s  → %s\n", "", f.Do)
			}
		}
	}
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("printing what was found: %w", err)
	}
	return nil
}
