package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rekey/bot/chat/chart"
	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state"
)

// picture puts a watch's chart into the thread, once its line of figures is
// there. It decorates: what it shows is told in words, so a chart that cannot
// be shown within its time, or at all, is left out, and nothing waits for it.
func (c *Chat) picture(ctx context.Context, key string, number int) error {
	r, root, err := c.messageOf(ctx, key, rootRef)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v, step, ok := r.VigilOf(number)
	switch {
	case !ok || v.Verdict == watch.Running:
		return nil // begun anew, which has a chart of its own
	case time.Since(v.Ended()) > c.config.ChartFor:
		return c.leftOut(r, errors.New("it could not be shown in time"))
	}
	if told, err := c.told(ctx, key, number); err != nil || !told {
		return errors.Join(err, notYet(told))
	}
	if stands, err := c.stands(ctx, hint{hintChart, key, number}); err != nil || !stands {
		return err
	}
	drawn := chart.Of(drawing(r, v, step))
	body, err := painted(drawn)
	if err != nil {
		return c.leftOut(r, err)
	}
	p := upload{name: fmt.Sprintf("watch-%s-%d.png", r.ID, number), title: drawn.Title, alt: drawn.Alt(), body: body, at: root}
	if err := c.attach(ctx, key+"/chart/"+strconv.Itoa(number), p); hopeless(err) {
		return c.leftOut(r, c.helpful(err))
	} else {
		return err
	}
}

func notYet(told bool) error {
	if told {
		return nil
	}
	return errNotPosted
}

// stands reports that a duty is still to be done. A list of duties that was made
// while another worker did this one names it, too; under the duty's lease the
// store tells the truth.
func (c *Chat) stands(ctx context.Context, h hint) (bool, error) {
	all, err := allHints(ctx, c.store)
	return slices.ContainsFunc(all, func(stored state.Hint) bool { return stored.Name == h.String() }), err
}

// leftOut settles the duty to show a chart.
func (c *Chat) leftOut(r *rotation.Rotation, why error) error {
	c.config.Log.Warn("a watch's chart is left out of the thread, which tells its result in words", "rotation", r.ID, "error", why)
	return nil
}

// told reports that the line with the watch's figures has left the outbox.
func (c *Chat) told(ctx context.Context, key string, number int) (bool, error) {
	rows, err := c.store.Rows(ctx, key, rowsAtOnce)
	if err != nil {
		return false, fmt.Errorf("looking for what is still to be told: %w", err)
	}
	waits := slices.ContainsFunc(rows, func(row state.Row) bool {
		e, err := event.Decode(row.Seq, row.Body)
		return err == nil && e.Kind == event.Verdict && watchNumber(e) == number
	})
	return !waits, nil
}

// drawing is a watch as the record has it.
func drawing(r *rotation.Rotation, v *rotation.Vigil, s rotation.Step) chart.Watch {
	w := chart.Watch{Secret: r.Secret, Of: r.Cell.Front(), After: s.Act == rotation.WatchAfter, Verdict: v.Verdict, Start: v.Start, Rules: v.Rules, Series: v.Series,
		Marks: []chart.Mark{{Name: "deployment live", At: r.Deploys[r.Cell.Front()].Live}}}
	end, shared := r.Ends[""]
	if !shared {
		end = r.Ends[r.Cell.Front()]
	}
	w.Marks = append(w.Marks, chart.Mark{Name: "end of the old key", At: end.Sent})
	return w
}

// painted draws. A library that panics on a picture costs the picture.
func painted(m chart.Model) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			body, err = nil, fmt.Errorf("drawing the chart: a panic (%T)", p)
		}
	}()
	return m.PNG()
}

// upload is a file on its way into a thread.
type upload struct {
	name, title, alt string
	body             []byte
	at               place // of the root message
}

// attach uploads a file and shows it. Only the last of the three calls does
// something that people see; when its answer was lost the file is looked for,
// where that is allowed, and otherwise shown again with a word about it.
func (c *Chat) attach(ctx context.Context, name string, p upload) error {
	file, err := c.api.upload(ctx, p)
	if err != nil {
		return err
	}
	first, err := c.store.Once(ctx, "sent/"+name, sentFor)
	if err != nil {
		return fmt.Errorf("noting what is about to be shown: %w", err)
	}
	clean, comment := first || c.files.has(name), ""
	if !clean {
		if there, err := c.shown(ctx, p); err != nil || there {
			return err
		}
		comment = render.Copied
	}
	err = c.api.complete(ctx, p, file, comment)
	c.files.set(name, clean && err != nil && !mayHaveHappened(err))
	return err
}

// shown looks for a file in its thread, by its name.
func (c *Chat) shown(ctx context.Context, p upload) (bool, error) {
	if !c.config.History {
		return false, nil
	}
	there, err := c.api.findFile(ctx, p.at.channel, p.at.ts, p.name)
	if codeOf(err) == "missing_scope" {
		return false, nil
	}
	return there, err
}

// hopeless reports refusals that asking again does not change.
func hopeless(err error) bool {
	return slices.Contains([]string{
		"missing_scope", "no_permission", "not_allowed_token_type", "unknown_method", "restricted_action", "ekm_access_denied",
		"file_uploads_disabled", "file_uploads_except_images_disabled", "file_upload_size_restricted", "file_type_not_allowed", "alt_txt_too_large",
	}, codeOf(err))
}

// awaited says how long the report waits for the chart of the watch before it, and
// for the files of an audit, so that it comes last. It never waits for longer than
// a call to Slack may take.
func (d *delivery) awaited(ctx context.Context, b batch) time.Duration {
	age := time.Duration(0)
	if b.kind() == event.Reported {
		age = time.Since(b.events[0].At)
	}
	if b.kind() != event.Reported || age < 0 || age >= d.config.RequestTimeout {
		return 0
	}
	hints, err := allHints(ctx, d.store)
	due := []string{hint{hintChart, d.r.Key(), d.r.Watches}.String(), hint{hintAudit, d.r.Key(), auditReport}.String(), hint{hintAudit, d.r.Key(), auditTable}.String()}
	if err != nil || !slices.ContainsFunc(hints, func(h state.Hint) bool { return slices.Contains(due, h.Name) }) {
		return 0
	}
	return max(d.config.Coalesce, time.Millisecond) // or until the upload is done, which wakes the poster
}
