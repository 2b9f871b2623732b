import { Box, Text, useCursor } from "ink";
import type { ReactNode } from "react";
import { memo, useSyncExternalStore } from "react";
import type { Line, Palette } from "./palette.ts";
import type { ScreenController } from "./screen-controller.ts";

/** The whole screen. Each row is a text of its own, drawn again only when it changes. */
export function Screen({
  controller,
  palette,
}: {
  controller: ScreenController;
  palette: Palette;
}): ReactNode {
  const frame = useSyncExternalStore(controller.subscribe, controller.frame);
  const { setCursorPosition } = useCursor();
  setCursorPosition(frame.cursor);
  return (
    <Box flexDirection="column" width={frame.size.columns} height={frame.size.rows}>
      <Box flexDirection="row">
        <Rows lines={frame.roomList} palette={palette} />
        <Rows lines={frame.main} palette={palette} />
      </Box>
      <Rows lines={frame.foot} palette={palette} />
    </Box>
  );
}

function Rows({ lines, palette }: { lines: readonly Line[]; palette: Palette }): ReactNode {
  return (
    <Box flexDirection="column" flexShrink={0}>
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its place
        <Row key={row} painted={palette.paint(line)} />
      ))}
    </Box>
  );
}

const Row = memo(function Row({ painted }: { painted: string }): ReactNode {
  return <Text wrap="hard">{painted === "" ? " " : painted}</Text>;
});
