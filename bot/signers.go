package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"rekey/bot/config"
	"rekey/bot/signed"
	"rekey/internal/finding"
	"rekey/internal/sshsig"
)

const lookedSigners = "Allowed signers of the command line"

// signersRead is what stands in the files of the command line at one moment.
type signersRead struct {
	config  *config.Config
	now     time.Time
	signers sshsig.Signers
	revoked sshsig.Revoked
}

// signersFound says what is wrong with who may sign statements: found out on a
// quiet day, not in the night on which Slack is away.
func signersFound(c *config.Config, now time.Time) []finding.Finding {
	l := c.CommandLine
	if !l.Used() {
		return nil
	}
	read := signersRead{config: c, now: now}
	var err error
	if read.signers, err = sshsig.ReadSigners(l.AllowedSigners); err != nil {
		return []finding.Finding{finding.Bad(lookedSigners, capital(err.Error())+". Nobody's statement is taken.", "Write the file that command_line.allowed_signers names.")}
	}
	if l.Revoked != "" {
		if read.revoked, err = sshsig.ReadRevoked(l.Revoked); err != nil {
			return []finding.Finding{finding.Bad(lookedSigners, capital(err.Error())+". Nobody's statement is taken.", "Write the public keys, one a line, into the file that command_line.revoked names.")}
		}
	}
	var all []finding.Finding
	for _, wrong := range slices.Concat(read.exposed(), read.unused(), read.lines(), read.keysOfTwo(), read.keyless(), read.quorums()) {
		all = append(all, finding.Bad(lookedSigners, wrong, "See docs/command-line.md."))
	}
	if len(all) == 0 {
		all = append(all, finding.Good(lookedSigners, fmt.Sprintf("%s can be used, and every secret has its approvers among them.", counted(len(read.signers.Lines()), "line"))))
	}
	return all
}

// exposed are files that others may write: whoever can decides who approves.
func (s signersRead) exposed() []string {
	var wrong []string
	for _, path := range []string{s.config.CommandLine.AllowedSigners, s.config.CommandLine.Revoked} {
		if facts, err := os.Stat(path); err == nil && facts.Mode().Perm()&0o022 != 0 {
			wrong = append(wrong, fmt.Sprintf("%s may be written by others (mode %04o): whoever writes it decides who approves.", path, facts.Mode().Perm()))
		}
	}
	return wrong
}

func (s signersRead) unused() []string {
	var wrong []string
	for _, why := range s.signers.Unused {
		wrong = append(wrong, capital(why)+". The line names nobody.")
	}
	return wrong
}

// lines are those that are understood, and count for nothing or not for long.
func (s signersRead) lines() []string {
	var wrong []string
	soon := s.now.Add(s.config.Announce.Within)
	for _, l := range s.signers.Lines() {
		at := fmt.Sprintf("Line %d, %s: ", l.Line, strings.Join(l.Names, ", "))
		switch {
		case s.revoked.Has(l.Key):
			wrong = append(wrong, at+"the key is revoked. Take the line out.")
		case !l.Within(signed.Namespace(s.config.Installation)):
			wrong = append(wrong, at+"the key is not for "+signed.Namespace(s.config.Installation)+" (namespaces).")
		case !l.Before.IsZero() && !s.now.Before(l.Before):
			wrong = append(wrong, at+"the key has run out on "+l.Before.Format(time.DateOnly)+" (valid-before).")
		case !l.Before.IsZero() && soon.After(l.Before):
			wrong = append(wrong, at+"the key runs out on "+l.Before.Format(time.DateOnly)+" (valid-before).")
		case !l.After.IsZero() && s.now.Before(l.After):
			wrong = append(wrong, at+"the key does not count before "+l.After.Format(time.DateOnly)+" (valid-after).")
		}
		for _, name := range l.Names {
			if _, known := s.person(name); !known {
				wrong = append(wrong, fmt.Sprintf("Line %d: %s is nobody in command_line.people.", l.Line, name))
			}
		}
	}
	return wrong
}

func (s signersRead) person(name string) (config.Signer, bool) {
	at := slices.IndexFunc(s.config.CommandLine.People, func(p config.Signer) bool { return p.Name == name })
	if at < 0 {
		return config.Signer{}, false
	}
	return s.config.CommandLine.People[at], true
}

// owners are the people for whom a line's key counts now, by their ids.
func (s signersRead) owners(l sshsig.Listed) []string {
	var users []string
	for _, name := range s.signers.Principals(l.Key, signed.Namespace(s.config.Installation), s.now) {
		if p, known := s.person(name); known && !slices.Contains(users, p.User) {
			users = append(users, p.User)
		}
	}
	return users
}

// keysOfTwo are keys that stand for more than one person, and so for nobody.
func (s signersRead) keysOfTwo() []string {
	var wrong []string
	var told []string
	for _, l := range s.signers.Lines() {
		key := string(l.Key.Marshal())
		if users := s.owners(l); len(users) > 1 && !slices.Contains(told, key) {
			told = append(told, key)
			wrong = append(wrong, fmt.Sprintf("Line %d: the key stands for %s, and so for nobody.", l.Line, strings.Join(users, " and ")))
		}
	}
	return wrong
}

// usable are the people who can sign now.
func (s signersRead) usable() []string {
	var users []string
	for _, l := range s.signers.Lines() {
		if of := s.owners(l); len(of) == 1 && !s.revoked.Has(l.Key) && !slices.Contains(users, of[0]) {
			users = append(users, of[0])
		}
	}
	return users
}

// keyless are people who can sign nothing, or whose signature does nothing.
func (s signersRead) keyless() []string {
	var wrong []string
	can := s.usable()
	for _, p := range s.config.CommandLine.People {
		who := signed.Person{User: p.User, Approver: p.Approver, Starter: p.Starter}
		switch {
		case !slices.Contains(can, p.User):
			wrong = append(wrong, p.Name+" has no key that counts.")
		case !roll{s.config}.Starts(who) && len(s.approves(who)) == 0:
			wrong = append(wrong, p.Name+" may neither start nor approve anything: the id is on no list, and neither approver nor starter is set.")
		}
	}
	return wrong
}

// approves are the secrets whose approver somebody is.
func (s signersRead) approves(p signed.Person) []string {
	return slices.DeleteFunc(names(s.config), func(name string) bool { return !roll{s.config}.Approves(p, name) })
}

// quorums are secrets that too few people can approve without Slack.
func (s signersRead) quorums() []string {
	var wrong []string
	can := s.usable()
	for _, name := range names(s.config) {
		policy := s.config.Secrets[name].Policy
		need := max(policy.Quorum, 1)
		var users []string
		for _, p := range s.config.CommandLine.People {
			if slices.Contains(can, p.User) && !slices.Contains(users, p.User) && (roll{s.config}).Approves(signed.Person{User: p.User, Approver: p.Approver}, name) {
				users = append(users, p.User)
			}
		}
		if len(users) < need {
			wrong = append(wrong, fmt.Sprintf("%s needs %s, and %s of those who can sign may give one: without Slack its old key cannot be ended.", name, counted(need, "approval"), number(len(users))))
		}
	}
	return wrong
}

func number(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

// signersOf is the same for a report of the configuration.
func signersOf(c *config.Config, now time.Time) []string {
	var lines []string
	for _, f := range signersFound(c, now) {
		lines = append(lines, f.Found)
	}
	return lines
}
