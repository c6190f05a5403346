package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/rotation"
)

// check prints what a configuration comes to: the effective catalogue, which
// credentials are held where, and what a careful reader would ask about. It
// asks nobody outside and prints no value. Every adapter is built, because some
// know more about what makes sense than the file's form can say.
func check(out io.Writer, c *config.Config) error {
	if _, err := subjects(c, secret.Key{}, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	describe(w, c)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}

// describe writes in the order in which questions come up. Errors of the
// writer are kept by tabwriter and come up at Flush.
func describe(w io.Writer, c *config.Config) {
	line(w, "Installation %s: %s, told in channel %s.", c.Installation, counted(len(c.Secrets), "secret"), c.Slack.Channel)
	line(w, "")
	catalogue(w, c)
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		plans(w, name, c.Secrets[name])
	}
	section(w, "Made by people, who paste the value into the vault's inbox", inboxes(c))
	section(w, "Admin credentials, each stronger than what it rotates", admins(c))
	section(w, "Addresses other than the vendor's own; each is handed credentials", hosts(c))
	section(w, "Announcements", announced(c))
	section(w, "Who may sign on the command line", signersOf(c, time.Now()))
	section(w, "Worth knowing", append(c.Findings(), hasty(c)...))
	section(w, "In the catalogue and not used here", unused(c))
}

func line(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

func section(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	line(w, "\n%s:", title)
	for _, l := range lines {
		line(w, "  %s", l)
	}
}

func catalogue(w io.Writer, c *config.Config) {
	line(w, "SECRET\tSERVICE\tPERIOD\tSCOPE\tVARIABLES\tAPPROVAL\tIF IT GOES WRONG")
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		s := c.Secrets[name]
		line(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s", name, s.Entry.Title, period(s.Entry.Period), s.Scope,
			strings.Join(s.Entry.Variables, " "), approval(s.Policy), s.Entry.Impact)
	}
}

func period(p time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case p == 0:
		return "as needed"
	case p%day == 0:
		return counted(int(p/day), "day")
	default:
		return p.String()
	}
}

// approval says whose approvals are needed, by ids.
func approval(p config.Policy) string {
	who := slices.Clone(p.Approvers.Users)
	if p.Approvers.Group != "" {
		who = append(who, "group "+p.Approvers.Group)
	}
	return fmt.Sprintf("%d of %s", p.Quorum, strings.Join(who, ", "))
}

// plans says which rotations of a secret this program can run, and of the
// others why not.
func plans(w io.Writer, name string, s *config.Secret) {
	kind := services()[s.Entry.Service]
	line(w, "\n%s can be rotated like this:", name)
	for _, mode := range []rotation.Mode{rotation.Routine, rotation.Emergency, rotation.Rollback} {
		cell := rotation.Cell{Mode: mode, Shape: kind.shape, Shared: s.Shared(), UndoOfEnd: kind.undo}
		line(w, "  %s: %s", mode, availability(cell))
	}
}

func availability(c rotation.Cell) string {
	if err := rotation.Executable(c); err != nil {
		return err.Error()
	}
	steps, err := rotation.PlanFor(c)
	if err != nil {
		return err.Error() // unreachable unless a cell is executable without a plan
	}
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.String()
	}
	return strings.Join(names, " · ")
}

func admins(c *config.Config) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		l := fmt.Sprintf("%s: %s", name, c.Secrets[name].Admin.Key)
		if day := c.Secrets[name].Admin.Expires; day != "" {
			l += ", expires " + day
		}
		further := furtherAdmins(c, name)
		switch {
		case c.Secrets[name].Administered():
			lines = append(lines, l)
		case len(further) == 0:
			lines = append(lines, name+": none; people make and end its keys")
		}
		lines = append(lines, further...)
	}
	return lines
}

// furtherAdmins are those beside the secret's own, such as one for each
// environment.
func furtherAdmins(c *config.Config, name string) []string {
	var lines []string
	for _, s := range c.Sources() {
		if at, of := strings.CutPrefix(s.Path, "secrets."+name+"."); of && at != "admin.key" {
			lines = append(lines, fmt.Sprintf("%s, %s: %s", name, at, s))
		}
	}
	return lines
}

// inboxes says for each secret that people make where they paste it.
func inboxes(c *config.Config) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		s := c.Secrets[name]
		if !s.Entry.ByHand {
			continue
		}
		for environment, e := range c.Environments.Each() {
			if environment == rotation.Staging || !s.Shared() {
				lines = append(lines, fmt.Sprintf("%s, %s: folder %s of the vault's environment %s", name, environment, e.Vault.Inbox, e.Vault.Environment))
			}
		}
	}
	return lines
}

// announced says when the digest is told next, in the zone it is told in.
func announced(c *config.Config) []string {
	a := c.Announce
	when, err := newSchedule(a.Cron, a.Zone)
	if a.Cron == "" || err != nil {
		return []string{"none: announce.cron is not set, so nobody is told by itself what is due"}
	}
	next := when.next(time.Now()).In(when.zone).Format("Mon 2006-01-02 15:04 MST")
	return []string{fmt.Sprintf("%q in %s, in channel %s: what is due within %s; next %s", a.Cron, a.Zone, a.Channel, period(a.Within), next)}
}

func hosts(c *config.Config) []string {
	var lines []string
	for _, h := range c.Hosts() {
		lines = append(lines, h.Path+": "+h.URL)
	}
	return lines
}

// hasty names the waits that are shorter than what each service's own are for.
func hasty(c *config.Config) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		s := c.Secrets[name]
		usual := services()[s.Entry.Service].waits
		own := waits(usual, s.Waits)
		for _, wait := range []struct {
			key        string
			own, usual time.Duration
			then       string
		}{
			{"settle", own.Settle, usual.Settle, "a new key may not answer yet and be taken for a bad one"},
			{"hold", own.Hold, usual.Hold, "what still uses the old key may not have shown before it ends"},
			{"probe_for", own.ProbeFor, usual.ProbeFor, "a key that dies late is reported as alive"},
		} {
			if wait.own < wait.usual {
				lines = append(lines, fmt.Sprintf("secrets.%s.waits.%s: %s, where %s has %s; %s", name, wait.key, wait.own, s.Entry.Title, wait.usual, wait.then))
			}
		}
	}
	return lines
}

func unused(c *config.Config) []string {
	var lines []string
	for _, e := range rotation.Catalogue() {
		if _, used := c.Secrets[e.Name]; used {
			continue
		}
		l := fmt.Sprintf("%s (%s)", e.Name, e.Title)
		if !e.Built {
			l += ", not built in this version"
		}
		lines = append(lines, l)
	}
	return lines
}
