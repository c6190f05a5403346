//go:build !release

package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation/audit"
)

// robbery is why there is an emergency: somebody reads production's folder in
// the vault with the identity of a laptop, and uses what he finds.
func (t *theatre) robbery(ctx context.Context) error {
	t.say("Somebody at %s reads production's folder in the vault, with a stolen laptop, and tries the keys.", sandbox.ThiefAddress)
	if err := t.box.world.Steal(ctx); err != nil {
		return fmt.Errorf("playing the thief: %w", err)
	}
	return nil
}

// ended holds when the thread has the final report, and of an emergency what
// belongs to it: files may come after it where a channel is busy.
func (d *demo) ended(now slack.Snapshot) bool {
	return reported(now) && (!d.play.emergency || len(auditFiles(now.Messages[sandbox.Channel])) >= 2)
}

// unread lists what the thread does not tell of the robbery, in words or in the
// files: what needs an answer has to come first.
func (d *demo) unread() []string {
	if d.play.drill {
		return d.unmarked()
	}
	var broken []string
	own := threads(d.box.world.Slack.Messages(sandbox.Channel), d.play.secret)
	told := slices.ContainsFunc(own, func(m slack.Message) bool {
		_, findings, audited := strings.Cut(m.Text, "*What the leaked key could do.*")
		return audited && strings.Contains(findings, sandbox.ThiefAddress)
	})
	if !told {
		broken = append(broken, "the thread's words about the exposure do not name where the thief came from")
	}
	files := auditFiles(own)
	if len(files) < 2 {
		broken = append(broken, fmt.Sprintf("the thread has %d files of the audit, not two", len(files)))
	}
	for _, f := range files {
		top := topFinding(f)
		// What used a key that came back to life needs an answer even sooner.
		if filepath.Ext(f.Name) == ".csv" && !strings.Contains(top, sandbox.ThiefAddress) && !strings.HasPrefix(top, audit.AfterDeath.String()) {
			broken = append(broken, "the first line of "+f.Name+" is not the thief's: "+top)
		}
	}
	return broken
}

// unmarked lists what a drill's thread says without saying that it is one: files
// and pictures alone bear no mark.
func (d *demo) unmarked() []string {
	var broken []string
	for _, m := range threads(d.box.world.Slack.Messages(sandbox.Channel), d.play.secret) {
		if len(m.Files) == 0 && !strings.Contains(m.Text, "DRILL") {
			broken = append(broken, "this is not marked as a drill: "+m.Text)
		}
	}
	return broken
}

// auditFiles are the files of a secret's audits.
func auditFiles(own []slack.Message) []slack.File {
	var all []slack.File
	for _, m := range own {
		for _, f := range m.Files {
			if strings.HasPrefix(f.Name, "audit-") {
				all = append(all, f)
			}
		}
	}
	return all
}

// topFinding is the first row below the head.
func topFinding(f slack.File) string {
	rows, err := csv.NewReader(strings.NewReader(string(f.Bytes()))).ReadAll()
	if err != nil || len(rows) < 2 {
		return "none"
	}
	return strings.Join(rows[1], ",")
}

// keepFiles writes the audit's files into a folder, for people to open.
func (d *demo) keepFiles(folder string) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the folder for the files of the audit: %w", err)
	}
	for _, f := range auditFiles(threads(d.box.world.Slack.Messages(sandbox.Channel), d.play.secret)) {
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(f.Name)), f.Bytes(), 0o600); err != nil {
			return fmt.Errorf("keeping a file of the audit: %w", err)
		}
		d.say("kept %s", filepath.Join(folder, filepath.Base(f.Name)))
	}
	return nil
}
