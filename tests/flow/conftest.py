from flow_house import case_file, house

__all__ = ["case_file", "house"]
