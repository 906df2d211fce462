import { Badge, createTheme, rem, Table, Tabs, TextInput, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

// One accent: the red of a tied cord (縁). White on its shades 7 and 6, and its shade 3 on the dark cards, have more than 4.5:1.
const enji: MantineColorsTuple = ["#fbeff0", "#f3dcde", "#e6b8bc", "#d89197", "#cd7078", "#c55c65", "#b54c55", "#9c3d44", "#84333a", "#6d282f"];

export const fonts = `"Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic UI", Meiryo, sans-serif`;

export const theme = createTheme({
  primaryColor: "enji",
  primaryShade: { light: 7, dark: 6 },
  colors: { enji },
  fontFamily: fonts,
  headings: { fontFamily: fonts, fontWeight: "700", sizes: { h1: { fontSize: rem(22) }, h2: { fontSize: rem(17) }, h3: { fontSize: rem(15) } } },
  lineHeights: { md: "1.7" },
  defaultRadius: rem(8),
  spacing: { xs: rem(4), sm: rem(8), md: rem(12), lg: rem(16), xl: rem(24) },
  cursorType: "pointer",
  components: {
    // A state is read whole: it is not cut off where a table is narrow, and Latin letters keep their case.
    Badge: Badge.extend({ defaultProps: { tt: "none" }, styles: { root: { minWidth: "max-content" } } }),
    Tabs: Tabs.extend({ styles: { list: { flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden", scrollbarWidth: "none" }, tab: { flexShrink: 0, paddingBlock: rem(8) } } }),
    TextInput: TextInput.extend({ defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } }),
    Table: Table.extend({ styles: { th: { whiteSpace: "nowrap" } } }),
  },
});

/** Secondary text, links and hints that can be read: Mantine's own have less than 4.5:1 on our cards. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#5c636a", "--mantine-color-placeholder": "#697077", "--mantine-color-error": "#c92a2a", "--mantine-color-teal-light-color": "#066649", "--mantine-color-orange-light-color": "#9c3a05", "--mantine-color-red-light-color": "#b02525", "--mantine-color-blue-light-color": "#1457a0", "--mantine-color-grape-light-color": "#862e9c", "--mantine-color-indigo-light-color": "#364fc7" },
  dark: { "--mantine-color-dimmed": "#a9abb0", "--mantine-color-placeholder": "#a9abb0", "--mantine-color-anchor": enji[3], "--mantine-color-enji-text": enji[3] },
});
