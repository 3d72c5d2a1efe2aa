package prompt

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"github.com/twpayne/go-pinentry/v4"
)

// replay is a pinentry whose side of the conversation is known beforehand.
type replay struct{ program }

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

func (r *replay) Start(string, []string) error { return nil }
func (r *replay) Close() error                 { return nil }

func FuzzPinentryReplies(f *testing.F) {
	for _, said := range []string{
		"OK hello\nOK\nD abc%25\nOK\n",
		"OK hello\nOK\nS PASSWORD_FROM_CACHE\nD abc\nOK\n",
		"OK hello\nOK\nD abc\nD def\nOK\n",
		"OK hello\nOK\nERR 83886179 Operation cancelled <Pinentry>\n",
		"OK hello\nOK\nS ERROR gtk2.isatty 83918950 \nERR 83918950 Inappropriate ioctl for device <Pinentry>\n",
		"OK hello\nOK\nERR 99999999999999999999 x\n",
		"OK hello\nOK\nINQUIRE QUALITY abc\nD x\nOK",
		"#\n\n \t\nOK\r\nOK\r\nD \r\nOK",
		"OK\nOK\nD %\nOK", "OK\nOK\nD %4\nOK", "OK\nOK\nD\nOK", "ERR", "",
	} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r := &replay{program{
			stdin:  discard{io.Discard},
			stdout: bufio.NewReader(io.LimitReader(bytes.NewReader(said), maxConversation)),
		}}
		client, err := pinentry.NewClient(pinentry.WithProcess(r), pinentry.WithTitle("Codefob"))
		var answer pinentry.GetPINResult
		if err == nil {
			answer, err = client.GetPIN()
		}
		if err = explain(t.Context(), err); err != nil {
			if len(err.Error()) > 80 {
				t.Errorf("an error of %d bytes: %v", len(err.Error()), err)
			}
			return
		}
		if answer.PIN != "" && !bytes.Contains(said, []byte("D ")) {
			t.Errorf("a passphrase %q out of nothing", answer.PIN)
		}
	})
}
