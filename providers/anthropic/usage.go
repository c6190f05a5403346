package anthropic

import (
	"context"
	"errors"
	"net/url"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// window is how fine a question about usage may be asked, by how far back:
// the widths of the report's buckets and how many of them fit on a page
// (https://platform.claude.com/docs/en/manage-claude/usage-cost-api).
type window struct {
	width string
	each  time.Duration
	most  time.Duration
}

// span is what to ask for.
type span struct {
	width      string
	start, end time.Time
}

var windows = []window{
	{"1m", time.Minute, 24 * time.Hour},
	{"1h", time.Hour, 7 * 24 * time.Hour},
	{"1d", 24 * time.Hour, 365 * 24 * time.Hour},
}

// bucket is one stretch of the report. Results are one per group, and none
// where nothing was used.
type bucket struct {
	Start   string    `json:"starting_at"`
	End     string    `json:"ending_at"`
	Results *[]result `json:"results"`
}

// result is what was used in a bucket, by key and by model.
type result struct {
	Key   string `json:"api_key_id"`
	Model string `json:"model"`
	In    int64  `json:"uncached_input_tokens"`
	Read  int64  `json:"cache_read_input_tokens"`
	Out   int64  `json:"output_tokens"`
}

func (r result) tokens() int64 { return r.In + r.Read + r.Out }

// LastUsed returns the end of the last bucket in which the key was used. The
// report is typically fresh within five minutes.
func (k *apiKey) LastUsed(ctx context.Context, id providers.ID, since time.Time) (time.Time, error) {
	const op = "asking Anthropic when a key was used"
	never := func(detail string) error {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: detail}
	}
	if !idForm.MatchString(string(id)) {
		return time.Time{}, never("that is not a key id")
	}
	now := time.Now().UTC()
	for _, w := range windows {
		if now.Sub(since) <= w.most {
			return k.p.lastBucket(ctx, op, id, span{w.width, since.UTC().Truncate(w.each), now.Truncate(w.each).Add(w.each)})
		}
	}
	return time.Time{}, never("that is more than a year ago")
}

func (p *Provider) lastBucket(ctx context.Context, op string, id providers.ID, s span) (time.Time, error) {
	var last time.Time
	err := p.buckets(ctx, op, id, s, func(b bucket) error {
		at, used, err := b.used(string(id))
		if used && at.After(last) {
			last = at
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return last, nil
}

// buckets reads the report on a key, page by page.
func (p *Provider) buckets(ctx context.Context, op string, id providers.ID, s span, each func(bucket) error) error {
	page, seen := "", map[string]bool{}
	for range maxPages {
		query := url.Values{
			"starting_at": {s.start.Format(time.RFC3339)}, "ending_at": {s.end.Format(time.RFC3339)}, "bucket_width": {s.width},
			"api_key_ids[]": {string(id)}, "group_by[]": {"api_key_id", "model"},
		}
		if page != "" {
			query.Set("page", page)
		}
		var report struct {
			Data *[]bucket `json:"data"`
			More *bool     `json:"has_more"`
			Next *string   `json:"next_page"`
		}
		if err := p.asAdmin(ctx, rest.Call{Op: op, Path: "/v1/organizations/usage_report/messages", Query: query}, &report); err != nil {
			return err
		}
		if report.Data == nil || report.More == nil {
			return fault.New(op, fault.Garbled, "the answer is no report")
		}
		for _, b := range *report.Data {
			if err := each(b); err != nil {
				return fault.New(op, fault.Garbled, "a bucket has no readable time or no results")
			}
		}
		switch {
		case !*report.More:
			return nil
		case report.Next == nil || *report.Next == "" || seen[*report.Next]:
			return fault.New(op, fault.Garbled, "there is more, but the way to it leads nowhere")
		}
		page = *report.Next
		seen[page] = true
	}
	return fault.New(op, fault.TooLarge, "the report does not end")
}

// used reports whether the key has results in the bucket, and when that ends.
func (b bucket) used(id string) (time.Time, bool, error) {
	at, err := time.Parse(time.RFC3339, b.End)
	if err != nil || b.Results == nil {
		return time.Time{}, false, errors.New("no time or no results")
	}
	for _, r := range *b.Results {
		if r.Key == "" || r.Key == id {
			return at, true, nil
		}
	}
	return at, false, nil
}
