package commands

import (
	"fmt"
	"strings"
	"time"

	"rekey/rotation"
	"rekey/rotation/due"
)

// Bulletin is a digest in the words people get.
type Bulletin struct {
	Title  string
	Text   string // the whole gist in one line
	Parts  []Part
	Quiet  []Row // what is snoozed, in a line each
	Notes  []string
	Digest *rotation.Digest
}

// Part is what one matter says of the secrets it is about.
type Part struct {
	Title string
	Lines []Line
}

// Line is a secret in a part of a bulletin.
type Line struct {
	Row
	Detail string // below it
	Exact  bool   // of When the hour matters, too
	Secret string
	Offer  bool // people may rotate it now, or put it off
	// Since is what has happened since the digest was made, "" for nothing; it
	// then offers nothing any more.
	Since string
	// Asleep is who has put it off since, and until when; nil for nobody.
	Asleep *rotation.Snooze
}

// partTitles name the matters, and what there is to do about them.
var partTitles = map[rotation.Matter]string{
	rotation.Halted:    "Stopped, needs a person",
	rotation.Unrevoked: "Revocation pending",
	rotation.Undecided: "Waiting for approval",
	rotation.Overdue:   "Overdue",
	rotation.DueNow:    "Due",
	rotation.DueSoon:   "Due soon",
	rotation.Untold:    "Age unknown",
	rotation.AdminEnds: "Admin credentials that expire",
}

// gists count the matters in a few words.
var gists = map[rotation.Matter]string{
	rotation.Halted:    "stopped",
	rotation.Unrevoked: "revocation pending",
	rotation.Undecided: "waiting for approval",
	rotation.Overdue:   "overdue",
	rotation.DueNow:    "due",
	rotation.DueSoon:   "due soon",
	rotation.Untold:    "of unknown age",
	rotation.AdminEnds: "with an expiring admin credential",
	rotation.Quiet:     "snoozed",
}

// Announce puts a digest into words. It is pure.
func Announce(d *rotation.Digest) Bulletin {
	b := Bulletin{Title: "Secrets: nothing is due", Digest: d}
	b.Notes = []string{"`/rotate` lists every secret. This looks " + days(d.Within) + " ahead."}
	var counts, named []string
	for _, group := range grouped(d.Items) {
		matter := group[0].Matter
		counts = append(counts, fmt.Sprintf("%d %s", len(group), gists[matter]))
		var names []string
		for _, i := range group {
			names = append(names, i.Secret)
		}
		named = append(named, sentenceCase(gists[matter])+": "+strings.Join(names, ", ")+".")
		if matter == rotation.Quiet {
			b.Quiet = quietRows(group)
			continue
		}
		b.Parts = append(b.Parts, part(matter, group, d.At))
	}
	if len(b.Parts) > 0 {
		b.Title = "Secrets: " + strings.Join(counts, ", ")
	}
	b.Text = strings.Join(named, " ")
	if b.Text == "" {
		b.Text = "Nothing is due in the next " + days(d.Within) + "."
	}
	return b
}

// grouped splits items, which stand in the order of their matters.
func grouped(items []rotation.Item) [][]rotation.Item {
	var groups [][]rotation.Item
	for _, i := range items {
		if n := len(groups); n > 0 && groups[n-1][0].Matter == i.Matter {
			groups[n-1] = append(groups[n-1], i)
			continue
		}
		groups = append(groups, []rotation.Item{i})
	}
	return groups
}

func part(matter rotation.Matter, items []rotation.Item, now time.Time) Part {
	p := Part{Title: partTitles[matter]}
	for _, i := range items {
		p.Lines = append(p.Lines, line(i, now))
	}
	return p
}

// line says one thing of one secret.
func line(i rotation.Item, now time.Time) Line {
	l := Line{Row: Row{Label: i.Secret}, Secret: i.Secret}
	switch i.Matter {
	case rotation.Halted:
		l.Text, l.Detail = "stopped "+ago(i.At, now), i.Next
	case rotation.Unrevoked:
		l.Text = "the end of its old key has not been settled for " + days(now.Sub(i.At))
		l.Detail = "`/rotate retry " + i.Secret + "` proves the new key again and asks for approval."
	case rotation.Undecided:
		l.Text, l.When, l.Exact = "approvers were asked "+ago(i.At, now), i.Until, true
		if !i.Until.IsZero() {
			l.Text += "; the request expires"
		}
		l.Detail = "Its message in the channel has the request. Nothing goes on until they answer."
	case rotation.AdminEnds:
		l.Label, l.When = i.Title, i.At
		l.Text = "what rotates " + i.Secret + " " + expiry(i.At, now)
		l.Detail = "Make another admin credential and put it where Rekey reads it."
	default:
		l.Text, l.Detail, l.When, l.Offer = dueText(i, now), detail(i, now), i.At, true
	}
	if since := sinceWords(i); since != "" {
		l.Since, l.Offer = since, false
		if since == snoozedSince {
			l.Asleep = i.Now.Asleep
		}
	}
	return l
}

// held are the matters of an open rotation, by its state.
var held = map[rotation.State]rotation.Matter{
	rotation.Stuck: rotation.Halted, rotation.Pending: rotation.Unrevoked, rotation.Asking: rotation.Undecided,
}

const snoozedSince = "Snoozed"

// sinceWords are what has happened to a secret since the digest was made.
func sinceWords(i rotation.Item) string {
	switch {
	case i.Matter == rotation.AdminEnds:
		return ""
	case i.Now.Rotated:
		return "Rotated since."
	case i.Now.Open != nil && held[i.Now.Open.State] == i.Matter:
		return ""
	case i.Now.Open != nil:
		return "A rotation is open now; its message tells how far it is."
	case i.Now.Asleep != nil && i.Matter != rotation.Quiet:
		return snoozedSince
	case dueState[i.Matter] == "" && i.Now.Known:
		return "Not open any more."
	default:
		return ""
	}
}

// dueText is when the secret is due.
func dueText(i rotation.Item, now time.Time) string {
	if i.Matter == rotation.Untold {
		return i.Title + " · " + ageWords(i.Age, i.Unread, now)
	}
	return i.Title + " · " + dueWords(due.Due{State: dueState[i.Matter], At: i.At}, now)
}

// detail is how old it is and what depends on it.
func detail(i rotation.Item, now time.Time) string {
	var parts []string
	if i.Matter != rotation.Untold {
		parts = append(parts, ageWords(i.Age, i.Unread, now))
	}
	if i.Impact != "" {
		parts = append(parts, "if it goes wrong: "+i.Impact)
	}
	return strings.Join(parts, " · ")
}

var dueState = map[rotation.Matter]due.State{
	rotation.Overdue: due.Overdue, rotation.DueNow: due.Now, rotation.DueSoon: due.OK, rotation.Untold: due.Unknown,
}

func quietRows(items []rotation.Item) []Row {
	var rows []Row
	for _, i := range items {
		rows = append(rows, Row{Label: i.Secret, Text: "(" + string(i.Was) + ") snoozed by", Who: i.By, When: i.Until})
	}
	return rows
}

func ago(t, now time.Time) string {
	if now.Sub(t) < 2*time.Minute {
		return "just now"
	}
	return days(now.Sub(t)) + " ago"
}

func expiry(at, now time.Time) string {
	if at.After(now) {
		return "expires in " + days(at.Sub(now))
	}
	return "has expired"
}

func sentenceCase(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
