"""Any text at all, with pieces at which a splitter goes wrong."""

from hypothesis import strategies as st

# pieces at which a splitter goes wrong, among any text at all
BREAKS = ["<br />", "<br/>", "<br >", "<BR>", "<br", "<br /", "< br>", "<b>", "r>", "<", ">"]
EDGES = ["'", "''", "\u2019", " ", "\n", "\x00", "\x01", "\x85", "\xa0", "\u2028", "\ufeff", "\u200d", "\u0301"]
WORDS = ["don't", "ΣΊΣΥΦΟΣ", "İstanbul", "STRASSE", "👩\u200d👧", "🇫🇷", "שלום", "עולם־יפה", "مرحبا،", "人々。", "नमस्ते।"]
any_piece = st.one_of(
    st.sampled_from(BREAKS + EDGES + WORDS), st.text(alphabet="abAB", max_size=20), st.text(max_size=8)
)
any_text = st.lists(any_piece, max_size=12).map("".join)
